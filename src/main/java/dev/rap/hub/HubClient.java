package dev.rap.hub;

import dev.rap.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Optional;

/** Asks the hub, follows where it sends, and says in a sentence what went wrong. */
final class HubClient implements AutoCloseable {
  private static final int MOST_REDIRECTS = 8;
  private static final long ERROR_BYTES = 1 << 16;

  private final HubSettings settings;
  private final HttpClient client;

  HubClient(HubSettings settings) {
    this.settings = settings;
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            // Each range has a connection of its own: with HTTP/2 they would share one.
            .version(HttpClient.Version.HTTP_1_1)
            // The JDK would send the token on to other hosts.
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(settings.limits().patience())
            .proxy(settings.proxies());
    settings.proxies().authenticator().ifPresent(builder::authenticator);
    settings.tls().ifPresent(builder::sslContext);
    this.client = builder.build();
  }

  HubSettings settings() {
    return settings;
  }

  /**
   * What a server gave, with status 200 or 206.
   *
   * @param linkedTag the hub's own word on the file's content, where it had one
   */
  record Answer(HttpResponse<InputStream> response, Optional<String> linkedTag)
      implements AutoCloseable {
    Optional<String> header(String name) {
      return response.headers().firstValue(name);
    }

    boolean isPartial() {
      return response.statusCode() == 206;
    }

    InputStream body() {
      return response.body();
    }

    @Override
    public void close() {
      try {
        body().close();
      } catch (IOException e) {
        // Nobody reads on.
      }
    }
  }

  /**
   * {@return the answer to a GET}
   *
   * @param what is asked for, for sentences
   * @throws TransientException if it may be asked again
   * @throws InputException if that would be of no use
   */
  Answer get(URI address, String what, Map<String, String> headers) throws TransientException {
    URI at = address;
    Optional<String> linkedTag = Optional.empty();
    for (int hop = 0; hop <= MOST_REDIRECTS; hop++) {
      HttpResponse<InputStream> response = send(at, headers);
      if (Address.sameOrigin(at, address)) {
        linkedTag = linkedTag.or(() -> response.headers().firstValue("X-Linked-ETag"));
      }
      switch (response.statusCode()) {
        case 200, 206 -> {
          return new Answer(response, linkedTag);
        }
        case 301, 302, 303, 307, 308 -> {
          discard(response);
          at = next(at, response);
        }
        default -> {
          discard(response);
          throw refusal(at, what, response);
        }
      }
    }
    throw new InputException(
        "%s sends from one address to the next without end".formatted(address.getHost()));
  }

  private HttpResponse<InputStream> send(URI at, Map<String, String> headers)
      throws TransientException {
    HttpRequest.Builder request = HttpRequest.newBuilder(at).timeout(settings.limits().patience());
    headers.forEach(request::header);
    settings
        .tokenFor(at)
        .ifPresent(token -> request.header("Authorization", "Bearer " + token.reveal()));
    try {
      return client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    } catch (IOException e) {
      if (TrustedCertificates.isDistrust(e)) {
        throw new InputException(
            "%s shows a certificate that is not trusted here: if it is a mirror's or a proxy's own, name the file of who issued it in %s"
                .formatted(at.getHost(), TrustedCertificates.VARIABLE),
            e);
      }
      throw new TransientException(
          "%s cannot be reached, or gives no answer".formatted(at.getHost()), Optional.empty(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InputException("interrupted", e);
    }
  }

  private static URI next(URI at, HttpResponse<?> response) {
    String location = response.headers().firstValue("Location").orElse("");
    try {
      URI next = at.resolve(new URI(location));
      boolean weaker =
          "https".equalsIgnoreCase(at.getScheme()) && !"https".equalsIgnoreCase(next.getScheme());
      if (!location.isEmpty() && Address.isWeb(next) && !weaker) {
        return next;
      }
    } catch (URISyntaxException e) {
      // The sentence below says it.
    }
    throw new InputException(
        "%s sends to an address that is none, or that is less safe".formatted(at.getHost()));
  }

  private static void discard(HttpResponse<InputStream> response) {
    try (InputStream body = response.body()) {
      body.skip(ERROR_BYTES); // so that the connection can be used again
    } catch (IOException e) {
      // The status has said enough.
    }
  }

  private InputException refusal(URI at, String what, HttpResponse<?> response)
      throws TransientException {
    int status = response.statusCode();
    String host = at.getHost();
    if (status == 408 || status == 429 || status >= 500) {
      throw new TransientException("%s answered %d".formatted(host, status), pause(response), null);
    }
    return new InputException(
        switch (status) {
          case 401 ->
              "%s answered 401: %s is private, gated or not there; %s"
                  .formatted(
                      host,
                      what,
                      settings.token().isPresent()
                          ? "HF_TOKEN is not valid there"
                          : "set HF_TOKEN to a token that may read it");
          case 403 ->
              "%s answered 403: it may not be given %s; ask for access on its page, and set HF_TOKEN"
                  .formatted(host, what);
          case 404 ->
              "%s answered 404: there is no %s, look at its name and revision"
                  .formatted(host, what);
          case 416 -> "%s answered 416: %s is shorter than it says".formatted(host, what);
          default -> "%s answered %d for %s".formatted(host, status, what);
        });
  }

  // Retry-After: seconds, or a date.
  private static Optional<Duration> pause(HttpResponse<?> response) {
    return response.headers().firstValue("Retry-After").flatMap(HubClient::pause);
  }

  private static Optional<Duration> pause(String text) {
    if (text.matches("\\d{1,9}")) {
      return Optional.of(Duration.ofSeconds(Long.parseLong(text)));
    }
    try {
      Instant until = ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      Duration pause = Duration.between(Instant.now(), until);
      return Optional.of(pause.isNegative() ? Duration.ZERO : pause);
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }

  @Override
  public void close() {
    client.shutdownNow();
    client.close();
  }
}
