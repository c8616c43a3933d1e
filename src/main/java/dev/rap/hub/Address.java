package dev.rap.hub;

import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;

/** What there is to ask of a web address. */
final class Address {
  private Address() {}

  static boolean isWeb(URI uri) {
    return uri.getHost() != null
        && ("https".equalsIgnoreCase(uri.getScheme()) || "http".equalsIgnoreCase(uri.getScheme()));
  }

  static boolean isLoopback(URI uri) {
    return uri.getHost().equals("localhost")
        || uri.getHost().startsWith("127.")
        || uri.getHost().equals("[::1]");
  }

  static boolean sameOrigin(URI one, URI other) {
    return one.getScheme().equalsIgnoreCase(other.getScheme())
        && one.getHost().equalsIgnoreCase(other.getHost())
        && port(one) == port(other);
  }

  static int port(URI uri) {
    if (uri.getPort() >= 0) {
      return uri.getPort();
    }
    return "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
  }

  /** {@return {@code path} as it stands in an address, its slashes kept} */
  static String encodedPath(String path) {
    return Arrays.stream(path.split("/", -1))
        .map(Address::encoded)
        .collect(Collectors.joining("/"));
  }

  /** {@return {@code text} as one segment of an address} */
  static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
