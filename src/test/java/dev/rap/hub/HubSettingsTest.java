package dev.rap.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HubSettingsTest {
  private static final URI HUB = URI.create("https://huggingface.co/x");

  private static String proxyOf(Map<String, String> environment, String address) {
    Proxy proxy = HubSettings.of(environment).proxies().select(URI.create(address)).getFirst();
    return proxy.address() instanceof InetSocketAddress at
        ? at.getHostString() + ":" + at.getPort()
        : "direct";
  }

  @Test
  void withoutVariablesTheHubItselfIsSpokenTo() {
    HubSettings settings = HubSettings.of(Map.of());
    assertEquals(URI.create("https://huggingface.co"), settings.endpoint());
    assertEquals(HUB, settings.mirrored(HUB));
    assertFalse(settings.offline());
    assertTrue(settings.tokenFor(HUB).isEmpty());
  }

  @Test
  void aMirrorTakesTheHubsPlace() {
    HubSettings settings = HubSettings.of(Map.of("HF_ENDPOINT", "https://mirror.example/hf/"));
    assertEquals(URI.create("https://mirror.example/hf/x"), settings.mirrored(HUB));
    URI other = URI.create("https://huggingface.co.example/x");
    assertEquals(other, settings.mirrored(other));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"mirror.example", "ftp://x", "https://", "http:// x", "https://u:p@x", "a\nb"})
  void aMirrorThatIsNoAddressIsRefused(String endpoint) {
    String message =
        assertThrows(InputException.class, () -> HubSettings.of(Map.of("HF_ENDPOINT", endpoint)))
            .getMessage();
    assertTrue(message.startsWith("HF_ENDPOINT is '") && !message.contains("\n"), message);
  }

  @ParameterizedTest
  @CsvSource({
    "https://huggingface.co/x, true",
    "https://HUGGINGFACE.co:443/x, true",
    "http://huggingface.co/x, false",
    "https://huggingface.co:8443/x, false",
    "https://cdn.huggingface.co/x, false",
    "https://huggingface.co.example/x, false"
  })
  void theTokenIsForTheHubsOwnHostOnly(String address, boolean told) {
    HubSettings settings = HubSettings.of(Map.of("HF_TOKEN", "hf_x\n"));
    assertEquals(told, settings.tokenFor(URI.create(address)).isPresent());
  }

  @Test
  void theTokenIsNotToldToAMirrorThatAnybodyCanListenTo() {
    HubSettings settings =
        HubSettings.of(Map.of("HF_TOKEN", "hf_x", "HF_ENDPOINT", "http://mirror.example"));
    assertTrue(settings.tokenFor(URI.create("http://mirror.example/x")).isEmpty());
  }

  @Test
  void aTokenThatIsNoneIsRefusedAndNotShown() {
    String message =
        assertThrows(
                InputException.class, () -> HubSettings.of(Map.of("HF_TOKEN", "hf_x\r\nHost: y")))
            .getMessage();
    assertFalse(message.contains("hf_x"), message);
  }

  @Test
  void proxiesAreThoseOfTheEnvironment() {
    Map<String, String> environment =
        Map.of(
            "HTTPS_PROXY", "http://secure:3128",
            "all_proxy", "any",
            "NO_PROXY", "localhost, .corp.example,huggingface.co:8443");
    assertEquals("secure:3128", proxyOf(environment, "https://huggingface.co/x"));
    assertEquals("any:80", proxyOf(environment, "http://huggingface.co/x"));
    assertEquals("direct", proxyOf(environment, "https://localhost/x"));
    assertEquals("direct", proxyOf(environment, "https://hub.corp.example/x"));
    assertEquals("direct", proxyOf(environment, "https://huggingface.co:8443/x"));
    assertEquals("secure:3128", proxyOf(environment, "https://notcorp.example/x"));
    assertEquals("direct", proxyOf(Map.of("https_proxy", "p", "no_proxy", "*"), HUB.toString()));
    assertEquals("direct", proxyOf(Map.of(), HUB.toString()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"socks5://x:1", "http://", "http://user:pass word@x"})
  void aProxyOfAnotherKindIsRefusedAndNotShown(String proxy) {
    String message =
        assertThrows(InputException.class, () -> HubSettings.of(Map.of("HTTPS_PROXY", proxy)))
            .getMessage();
    assertTrue(message.startsWith("HTTPS_PROXY names no HTTP proxy"), message);
    assertFalse(message.contains("pass"), message);
  }
}
