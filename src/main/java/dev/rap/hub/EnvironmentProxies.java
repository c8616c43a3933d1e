package dev.rap.hub;

import dev.rap.InputException;
import java.io.IOException;
import java.net.Authenticator;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The proxies that the environment names, in lower or upper case: {@code https_proxy}, {@code
 * http_proxy}, {@code all_proxy}; hosts that end in a name of {@code no_proxy} are reached
 * directly.
 */
public final class EnvironmentProxies extends ProxySelector {
  private final Map<String, URI> byScheme;
  private final List<String> direct;

  private EnvironmentProxies(Map<String, URI> byScheme, List<String> direct) {
    this.byScheme = Map.copyOf(byScheme);
    this.direct = List.copyOf(direct);
  }

  /**
   * {@return the proxies of {@code environment}}
   *
   * @throws InputException if a variable names no HTTP proxy
   */
  static EnvironmentProxies of(Map<String, String> environment) {
    Map<String, URI> byScheme = new HashMap<>();
    for (String scheme : List.of("https", "http")) {
      variable(environment, scheme + "_proxy")
          .or(() -> variable(environment, "all_proxy"))
          .ifPresent(found -> byScheme.put(scheme, proxy(found.getKey(), found.getValue())));
    }
    List<String> direct =
        variable(environment, "no_proxy").stream()
            .flatMap(found -> Arrays.stream(found.getValue().split("[,\\s]+")))
            .map(name -> name.toLowerCase(Locale.ROOT).replaceFirst("^\\*?\\.", ""))
            .filter(name -> !name.isEmpty())
            .toList();
    return new EnvironmentProxies(byScheme, direct);
  }

  private static Optional<Map.Entry<String, String>> variable(
      Map<String, String> environment, String name) {
    return Stream.of(name, name.toUpperCase(Locale.ROOT))
        .filter(key -> !environment.getOrDefault(key, "").isBlank())
        .map(key -> Map.entry(key, environment.get(key).strip()))
        .findFirst();
  }

  private static URI proxy(String variable, String text) {
    try {
      URI uri = new URI(text.contains("://") ? text : "http://" + text);
      if ("http".equalsIgnoreCase(uri.getScheme()) && uri.getHost() != null) {
        return uri;
      }
    } catch (URISyntaxException e) {
      // The sentence below says it, without what may be a password.
    }
    throw new InputException(
        "%s names no HTTP proxy, expected something like http://proxy.example:3128"
            .formatted(variable));
  }

  @Override
  public List<Proxy> select(URI uri) {
    URI proxy = byScheme.get(uri.getScheme().toLowerCase(Locale.ROOT));
    if (proxy == null || isDirect(uri)) {
      return List.of(Proxy.NO_PROXY);
    }
    return List.of(
        new Proxy(Proxy.Type.HTTP, new InetSocketAddress(proxy.getHost(), Address.port(proxy))));
  }

  private boolean isDirect(URI uri) {
    String host = uri.getHost().toLowerCase(Locale.ROOT);
    String withPort = host + ":" + Address.port(uri);
    return direct.stream()
        .anyMatch(
            name ->
                name.equals("*")
                    || Stream.of(host, withPort)
                        .anyMatch(it -> it.equals(name) || it.endsWith("." + name)));
  }

  /** {@return who answers a proxy that asks for the name and password of its address} */
  Optional<Authenticator> authenticator() {
    if (byScheme.values().stream().allMatch(proxy -> proxy.getRawUserInfo() == null)) {
      return Optional.empty();
    }
    // Or the JDK would not name itself to a proxy of HTTPS.
    System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
    return Optional.of(
        new Authenticator() {
          @Override
          protected PasswordAuthentication getPasswordAuthentication() {
            return getRequestorType() == RequestorType.PROXY
                ? credentials(getRequestingHost())
                : null;
          }
        });
  }

  private PasswordAuthentication credentials(String host) {
    return byScheme.values().stream()
        .filter(proxy -> proxy.getHost().equals(host) && proxy.getRawUserInfo() != null)
        .map(proxy -> proxy.getRawUserInfo().split(":", 2))
        .map(
            parts ->
                new PasswordAuthentication(
                    decoded(parts[0]), decoded(parts.length > 1 ? parts[1] : "").toCharArray()))
        .findFirst()
        .orElse(null);
  }

  private static String decoded(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  @Override
  public void connectFailed(URI uri, SocketAddress proxy, IOException e) {
    // Who connects says so.
  }
}
