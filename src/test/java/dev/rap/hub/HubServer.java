package dev.rap.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.rap.Sha256;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;

/** A hub on the loopback interface, with one repository, that behaves as badly as it is told. */
final class HubServer implements AutoCloseable {
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
  static final HubSettings.Limits LIMITS =
      new HubSettings.Limits(
          Duration.ofSeconds(20), 3, Duration.ofMillis(5), Duration.ofSeconds(2), 4, 1000);

  private static final InetSocketAddress ANYWHERE =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d+)");

  final List<Request> requests = new CopyOnWriteArrayList<>();
  private final Map<String, byte[]> files = new TreeMap<>();
  private final ObjectNode listing = new ObjectMapper().createObjectNode().put("sha", COMMIT);
  private final ArrayNode siblings = listing.putArray("siblings");
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final HttpServer server;
  private Answer answer = this::serve;

  /** What was asked. */
  record Request(String path, String range, String ifRange, String authorization) {}

  /** What is answered. */
  interface Answer {
    void to(HttpExchange exchange) throws IOException;
  }

  HubServer() throws IOException {
    this(HttpServer.create(ANYWHERE, 0));
  }

  /** Speaks TLS. */
  HubServer(SSLContext tls) throws IOException {
    this(secured(tls));
  }

  private static HttpServer secured(SSLContext tls) throws IOException {
    HttpsServer server = HttpsServer.create(ANYWHERE, 0);
    server.setHttpsConfigurator(new HttpsConfigurator(tls));
    return server;
  }

  private HubServer(HttpServer server) {
    this.server = server;
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  private void handle(HttpExchange exchange) throws IOException {
    var headers = exchange.getRequestHeaders();
    requests.add(
        new Request(
            exchange.getRequestURI().getPath(),
            headers.getFirst("Range"),
            headers.getFirst("If-Range"),
            headers.getFirst("Authorization")));
    try (exchange) {
      if (exchange.getRequestURI().getPath().startsWith("/api/")) {
        send(exchange, 200, listing.toString().getBytes(StandardCharsets.UTF_8));
      } else {
        answer.to(exchange);
      }
    }
  }

  int port() {
    return server.getAddress().getPort();
  }

  URI endpoint() {
    String scheme = server instanceof HttpsServer ? "https" : "http";
    return URI.create(scheme + "://127.0.0.1:" + port());
  }

  /** {@return settings for this server, and of {@code more} variables} */
  HubSettings settings(Map<String, String> more) {
    Map<String, String> environment = new TreeMap<>(more);
    environment.putIfAbsent("HF_ENDPOINT", endpoint().toString());
    return HubSettings.of(environment).with(LIMITS);
  }

  /** Puts a large file into the repository, whose SHA-256 is listed. */
  HubServer file(String path, byte[] content) {
    return file(path, content, content.length, Sha256.of(content));
  }

  /** Puts a file into the repository about which the listing may lie. */
  HubServer file(String path, byte[] content, long listedBytes, String listedSha256) {
    files.put(path, content);
    siblings
        .addObject()
        .put("rfilename", path)
        .put("size", listedBytes)
        .putObject("lfs")
        .put("size", listedBytes)
        .put("sha256", listedSha256);
    return this;
  }

  /** Puts a small file into the repository, that lies in git itself. */
  HubServer gitFile(String path, byte[] content, String blob) {
    files.put(path, content);
    siblings.addObject().put("rfilename", path).put("size", content.length).put("blobId", blob);
    return this;
  }

  HubServer answers(Answer other) {
    answer = other;
    return this;
  }

  byte[] content(HttpExchange exchange) {
    String path = exchange.getRequestURI().getPath();
    return files.get(path.substring(path.indexOf(COMMIT) + COMMIT.length() + 1));
  }

  /** Answers as a sound server does. */
  void serve(HttpExchange exchange) throws IOException {
    serve(exchange, content(exchange), "\"first\"");
  }

  void serve(HttpExchange exchange, byte[] content, String tag) throws IOException {
    String range = exchange.getRequestHeaders().getFirst("Range");
    String ifRange = exchange.getRequestHeaders().getFirst("If-Range");
    exchange.getResponseHeaders().set("ETag", tag);
    if (range == null || (ifRange != null && !ifRange.equals(tag))) {
      send(exchange, 200, content);
    } else {
      send(exchange, 206, slice(exchange, content));
    }
  }

  /** {@return what the request asks for; the header that says so is set} */
  static byte[] slice(HttpExchange exchange, byte[] content) {
    Matcher range = RANGE.matcher(exchange.getRequestHeaders().getFirst("Range"));
    if (!range.matches()) {
      throw new AssertionError(exchange.getRequestHeaders().getFirst("Range"));
    }
    int from = Integer.parseInt(range.group(1));
    int to = Math.min(content.length, Integer.parseInt(range.group(2)) + 1);
    exchange
        .getResponseHeaders()
        .set("Content-Range", "bytes %d-%d/%d".formatted(from, to - 1, content.length));
    return Arrays.copyOfRange(content, from, to);
  }

  static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
    send(exchange, status, body, body.length);
  }

  /** Breaks the connection after so many bytes. */
  static void send(HttpExchange exchange, int status, byte[] body, int bytes) throws IOException {
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body, 0, bytes);
    exchange.getResponseBody().flush();
  }

  /** Answers with a status, and a header if there is one. */
  static Answer status(int status, String... header) {
    return exchange -> {
      if (header.length == 2) {
        exchange.getResponseHeaders().set(header[0], header[1]);
      }
      exchange.sendResponseHeaders(status, -1);
    };
  }

  /** {@return the ranges that were asked for, in order; of the files, not of the API} */
  List<String> ranges() {
    return requests.stream()
        .filter(request -> !request.path().startsWith("/api/"))
        .map(request -> Optional.ofNullable(request.range()).orElse("all"))
        .toList();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
