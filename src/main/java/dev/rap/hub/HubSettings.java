package dev.rap.hub;

import dev.rap.InputException;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLContext;

/**
 * Where the hub is and how it is spoken to.
 *
 * @param endpoint of the hub, or of a mirror; without a slash at the end
 * @param token goes to the endpoint's host only
 * @param offline whether the network is not to be used
 * @param proxies by the scheme of an address
 * @param tls what trusts the authorities that the user named, if any
 * @param limits of patience and of size
 */
public record HubSettings(
    URI endpoint,
    Optional<Secret> token,
    boolean offline,
    EnvironmentProxies proxies,
    Optional<SSLContext> tls,
    Limits limits) {
  private static final String HUB = "https://huggingface.co";
  private static final Set<String> YES = Set.of("1", "on", "yes", "true");

  /**
   * How long and how often a server is tried, and in what pieces.
   *
   * @param patience how long it may be silent
   * @param attempts in a row that bring nothing
   * @param pause before the second attempt; doubles with each
   * @param longestPause that a server may ask for
   * @param connections at a time
   * @param chunkBytes of the smallest range that is asked for
   */
  public record Limits(
      Duration patience,
      int attempts,
      Duration pause,
      Duration longestPause,
      int connections,
      long chunkBytes) {
    public static final Limits DEFAULT =
        new Limits(
            Duration.ofSeconds(30), 5, Duration.ofMillis(500), Duration.ofMinutes(1), 4, 8L << 20);
  }

  /**
   * {@return the settings in the variables that the hub's own tools use: HF_ENDPOINT, HF_TOKEN,
   * HF_HUB_OFFLINE; and HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE}
   *
   * @throws InputException if one of them is not what it must be
   */
  public static HubSettings of(Map<String, String> environment) {
    return new HubSettings(
        endpoint(Optional.ofNullable(environment.get("HF_ENDPOINT")).orElse("")),
        token(Optional.ofNullable(environment.get("HF_TOKEN")).orElse("")),
        YES.contains(environment.getOrDefault("HF_HUB_OFFLINE", "").toLowerCase(Locale.ROOT)),
        EnvironmentProxies.of(environment),
        TrustedCertificates.of(environment),
        Limits.DEFAULT);
  }

  /** {@return these settings, but without a network} */
  public HubSettings withoutNetwork() {
    return new HubSettings(endpoint, token, true, proxies, tls, limits);
  }

  /** {@return these settings with other limits} */
  public HubSettings with(Limits other) {
    return new HubSettings(endpoint, token, offline, proxies, tls, other);
  }

  private static URI endpoint(String text) {
    String address = text.isBlank() ? HUB : text.strip().replaceAll("/+$", "");
    try {
      URI uri = new URI(address);
      if (Address.isWeb(uri) && uri.getRawUserInfo() == null && uri.getRawQuery() == null) {
        return uri;
      }
    } catch (URISyntaxException e) {
      // The sentence below says it.
    }
    throw new InputException(
        "HF_ENDPOINT is '%s', expected an address such as %s"
            .formatted(address.replaceAll("\\p{Cc}", "?"), HUB));
  }

  private static Optional<Secret> token(String text) {
    String token = text.strip();
    if (token.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      throw new InputException(
          "HF_TOKEN holds characters that no token has: copy it again from the hub's settings");
    }
    return token.isEmpty() ? Optional.empty() : Optional.of(new Secret(token));
  }

  /** {@return {@code address} on the mirror, if it is one of the hub's own} */
  public URI mirrored(URI address) {
    String text = address.toString();
    return text.startsWith(HUB + "/")
        ? URI.create(endpoint + text.substring(HUB.length()))
        : address;
  }

  /** {@return the token, where {@code address} is on the endpoint's own host and safe to tell} */
  Optional<Secret> tokenFor(URI address) {
    boolean safe = "https".equalsIgnoreCase(address.getScheme()) || Address.isLoopback(address);
    return token.filter(_ -> safe && Address.sameOrigin(address, endpoint));
  }
}
