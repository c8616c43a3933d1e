package dev.rap.hub;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import dev.rap.InputException;
import dev.rap.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against a hub that breaks, delays, redirects and lies. */
@Timeout(60)
class HubPullTest {
  private static final String NAME = "o/m:Q4_K_M";
  private static final String FILE = "m-Q4_K_M.gguf";

  @TempDir private Path models;

  private final byte[] content = random(9_500, 1);
  private final CountDownLatch testIsOver = new CountDownLatch(1);
  private final List<Long> seen = new ArrayList<>();
  private HubServer server;

  @BeforeEach
  void start() throws IOException {
    server = new HubServer().file(FILE, content).file("m-Q8_0.gguf", random(10, 2));
  }

  @AfterEach
  void stop() {
    testIsOver.countDown();
    server.close();
  }

  private static byte[] random(int bytes, int seed) {
    byte[] content = new byte[bytes];
    new Random(seed).nextBytes(content);
    return content;
  }

  private HubPull.Pulled pull(HubSettings settings, String name) throws IOException {
    TransferListener listener =
        new TransferListener() {
          @Override
          public void begins(String file, long bytes, long total) {
            seen.add(bytes);
          }

          @Override
          public void at(long bytes) {
            seen.add(bytes);
          }

          @Override
          public void ends() {}
        };
    return new HubPull(settings, models, listener)
        .pull(HubModel.find(name).orElseThrow(), Optional.empty());
  }

  private HubPull.Pulled pull() throws IOException {
    return pull(server.settings(Map.of()), NAME);
  }

  private Path folder() {
    return models.resolve("o--m");
  }

  private void assertPulled() throws IOException {
    assertArrayEquals(content, Files.readAllBytes(folder().resolve(FILE)));
    assertEquals(List.of(FILE), filesThere());
  }

  private List<String> filesThere() throws IOException {
    if (Files.notExists(folder())) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder())) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private String refused(String name) {
    return refused(server.settings(Map.of()), name);
  }

  private String refused(HubSettings settings, String name) {
    String message = assertThrows(InputException.class, () -> pull(settings, name)).getMessage();
    assertFalse(message.contains("\n") || message.contains("Exception"), message);
    return message;
  }

  private static void assertSays(String part, String message) {
    assertTrue(message.contains(part), message);
  }

  // The first ten kilobytes of a file in ranges of one, as the limits of the tests have it.
  private static List<String> allRanges() {
    List<String> ranges = new ArrayList<>();
    for (int from = 0; from < 9_500; from += 1000) {
      ranges.add("bytes=%d-%d".formatted(from, Math.min(9_499, from + 999)));
    }
    return ranges;
  }

  @Test
  void aQuantisationIsFetchedInRangesAndIsThereTheNextTime() throws IOException {
    HubPull.Pulled pulled = pull();
    assertEquals(folder().resolve(FILE), pulled.path());
    assertEquals(1, pulled.fetched());
    assertPulled();
    assertEquals(allRanges(), server.ranges().stream().sorted().toList());
    assertEquals(0L, seen.getFirst());
    assertEquals(9_500L, seen.getLast());

    assertEquals(0, pull().fetched());
    assertEquals(10, server.ranges().size());
    assertEquals(
        Optional.of(folder().resolve(FILE)),
        LocalFiles.find(models, HubModel.find("o/m").orElseThrow()));
  }

  @Test
  void severalRangesComeAtATime() throws IOException {
    AtomicInteger answered = new AtomicInteger();
    Phaser three = new Phaser(3);
    server.answers(
        exchange -> {
          if (answered.getAndIncrement() > 0 && answered.get() < 5) {
            awaitAll(three); // passes only if the others are under way at the same time
          }
          server.serve(exchange);
        });
    pull();
    assertPulled();
  }

  private static void awaitAll(Phaser phaser) throws IOException {
    try {
      phaser.awaitAdvanceInterruptibly(phaser.arrive(), 10, TimeUnit.SECONDS);
    } catch (InterruptedException | TimeoutException e) {
      throw new IOException(e);
    }
  }

  @Test
  void brokenConnectionsAreTakenUpWhereTheyBroke() throws IOException {
    AtomicInteger answered = new AtomicInteger();
    server.answers(
        exchange -> {
          if (answered.getAndIncrement() % 3 != 0) {
            server.serve(exchange);
            return;
          }
          byte[] slice = HubServer.slice(exchange, content);
          exchange.getResponseHeaders().set("ETag", "\"first\"");
          HubServer.send(exchange, 206, slice, slice.length / 2);
        });
    pull();
    assertPulled();
    assertTrue(
        server.ranges().contains("bytes=500-999"), "half of the first came: " + server.ranges());
  }

  @Test
  void whatCameBeforeAFailureIsNotAskedForAgain() throws IOException {
    server.answers(
        exchange -> {
          int from =
              Integer.parseInt(server.ranges().getLast().replaceAll("bytes=(\\d+)-.*", "$1"));
          byte[] slice = HubServer.slice(exchange, content);
          exchange.getResponseHeaders().set("ETag", "\"first\"");
          if (from >= 4_000) {
            HubServer.send(exchange, 206, slice, 0);
          } else {
            HubServer.send(exchange, 206, slice);
          }
        });
    HubSettings one = oneConnection();
    String message = refused(one, NAME);
    assertSays(FILE + ": the connection to 127.0.0.1 broke after 4.00 kB of 9.50 kB", message);
    assertEquals(List.of(FILE + ".part", FILE + ".part.state"), filesThere());
    assertEquals(Optional.empty(), LocalFiles.find(models, HubModel.find(NAME).orElseThrow()));

    server.requests.clear();
    seen.clear();
    server.answers(server::serve);
    pull(one, NAME);
    assertPulled();
    assertEquals(allRanges().subList(4, 10), server.ranges());
    assertEquals("\"first\"", server.requests.getLast().ifRange());
    assertEquals(4_000L, seen.getFirst());
  }

  private HubSettings oneConnection() {
    HubSettings.Limits limits = HubServer.LIMITS;
    return server
        .settings(Map.of())
        .with(
            new HubSettings.Limits(
                limits.patience(), 3, limits.pause(), limits.longestPause(), 1, 1000));
  }

  @Test
  void anInterruptionLeavesWhatThereIs() throws Exception {
    CountDownLatch half = new CountDownLatch(1);
    server.answers(
        exchange -> {
          if (server.ranges().size() <= 5) {
            server.serve(exchange);
          } else {
            half.countDown();
            waitForTheEnd();
          }
        });
    List<Throwable> thrown = new ArrayList<>();
    Thread puller =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    pull(oneConnection(), NAME);
                  } catch (IOException | InputException e) {
                    thrown.add(e);
                  }
                });
    half.await();
    puller.interrupt();
    puller.join();
    assertEquals("interrupted", thrown.getFirst().getCause().getMessage());
    server.requests.clear();
    server.answers(server::serve);
    pull();
    assertPulled();
    assertEquals(allRanges().subList(5, 10), server.ranges().stream().sorted().toList());
  }

  private void waitForTheEnd() {
    try {
      testIsOver.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aStateThatIsDamagedIsNotBelieved() throws IOException {
    Files.createDirectories(folder());
    Files.write(folder().resolve(FILE + ".part"), random(9_500, 3));
    for (String state :
        List.of(
            "", "x", "rap-part-1\n\n\n9500 1000\n-1\n", "rap-part-1\na\nb\n1 0\n", "\n\n\n\n\n")) {
      Files.writeString(folder().resolve(FILE + ".part.state"), state);
      pull();
      assertPulled();
      Files.delete(folder().resolve(FILE));
    }
  }

  @Test
  void aFileThatChangedOnTheHubIsBegunAnew() throws IOException {
    byte[] later = random(9_500, 7);
    server.close();
    server = new HubServer().gitFile(FILE, content, ""); // nothing listed tells the two apart
    AtomicInteger answered = new AtomicInteger();
    server.answers(
        exchange -> {
          if (answered.getAndIncrement() < 3) {
            server.serve(exchange, content, "\"first\"");
          } else {
            server.serve(exchange, later, "\"second\"");
          }
        });
    assertEquals(List.of(FILE), pull().unchecked());
    assertArrayEquals(later, Files.readAllBytes(folder().resolve(FILE)));
  }

  @Test
  void aServerThatKnowsNoRangesGivesTheFileInOnePiece() throws IOException {
    AtomicInteger answered = new AtomicInteger();
    server.answers(
        exchange -> {
          int bytes = answered.getAndIncrement() == 0 ? 3_000 : content.length;
          HubServer.send(exchange, 200, content, bytes); // breaks once
        });
    pull();
    assertPulled();
    assertEquals(2, server.ranges().size());
  }

  @Test
  void aServerThatLiesAboutTheRangeIsRefused() {
    server.answers(
        exchange -> {
          exchange.getResponseHeaders().set("Content-Range", "bytes 7-1006/9500");
          HubServer.send(exchange, 206, random(1000, 1));
        });
    assertSays(
        "127.0.0.1 gave the range 'bytes 7-1006/9500' instead of one from byte 0",
        refused(oneConnection(), NAME)); // of several the first to end is told
  }

  @ParameterizedTest
  @ValueSource(ints = {200, 206})
  void aServerThatLiesAboutTheLengthIsRefused(int status) {
    server.answers(
        exchange -> {
          exchange.getResponseHeaders().set("Content-Range", "bytes 0-999/9600");
          HubServer.send(exchange, status, random(status == 200 ? 9_600 : 1000, 1));
        });
    assertSays(
        FILE + " has 9600 bytes at 127.0.0.1, expected 9500",
        refused(oneConnection(), NAME)); // another's range would be refused first
  }

  @Test
  void aBodyWithoutALengthThatGoesOnIsCut() throws IOException {
    server.answers(
        exchange -> {
          exchange.sendResponseHeaders(200, 0); // chunked
          exchange.getResponseBody().write(content);
          exchange.getResponseBody().write(0);
        });
    assertSays("is longer at 127.0.0.1 than the 9500 bytes expected", refused(NAME));
  }

  @Test
  void anotherContentIsThrownAway() throws IOException {
    byte[] other = content.clone();
    other[5_000] ^= 1;
    server.answers(exchange -> server.serve(exchange, other, "\"first\""));
    assertSays("instead of " + Sha256.of(content) + " and was thrown away", refused(NAME));
    assertEquals(List.of(), filesThere());
  }

  @Test
  void theSha256ThatIsGivenCounts() {
    Optional<Checksum> given = Checksum.sha256("0".repeat(64));
    HubPull pull = new HubPull(server.settings(Map.of()), models, new Silent());
    String message =
        assertThrows(
                InputException.class, () -> pull.pull(HubModel.find(NAME).orElseThrow(), given))
            .getMessage();
    assertSays("instead of " + "0".repeat(64), message);
  }

  @Test
  void theHubsWordOnALinkedFileCounts() {
    server.close();
    try {
      server = new HubServer().gitFile(FILE, content, "");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    server.answers(
        exchange -> {
          exchange.getResponseHeaders().set("X-Linked-ETag", "\"" + "1".repeat(64) + "\"");
          server.serve(exchange);
        });
    assertSays("instead of " + "1".repeat(64), refused(NAME));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "401 | is private, gated or not there; set HF_TOKEN to a token that may read it",
        "403 | ask for access on its page, and set HF_TOKEN",
        "404 | there is no m-Q4_K_M.gguf, look at its name and revision",
        "410 | answered 410 for m-Q4_K_M.gguf",
        "416 | is shorter than it says",
        "429 | 127.0.0.1 answered 429 (3 times)",
        "500 | 127.0.0.1 answered 500 (3 times)",
        "503 | 127.0.0.1 answered 503 (3 times)"
      })
  void aServerThatRefusesIsQuoted(int status, String part) throws IOException {
    server.answers(HubServer.status(status));
    assertSays(part, refused(NAME));
    assertEquals(List.of(), filesThere());
    assertEquals(status < 429 ? 1 : 3, server.ranges().size());
  }

  @Test
  void whatIsBusyForAWhileIsAskedAgain() throws IOException {
    AtomicInteger answered = new AtomicInteger();
    server.answers(
        exchange -> {
          switch (answered.getAndIncrement() % 4) {
            case 0 -> HubServer.status(503, "Retry-After", "0").to(exchange);
            case 1 ->
                HubServer.status(429, "Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT").to(exchange);
            default -> server.serve(exchange);
          }
        });
    pull(oneConnection(), NAME);
    assertPulled();
  }

  @Test
  void theServersOwnPauseIsKept() throws IOException {
    AtomicInteger answered = new AtomicInteger();
    server.answers(
        exchange -> {
          if (answered.getAndIncrement() == 0) {
            HubServer.status(429, "Retry-After", "1").to(exchange);
          } else {
            server.serve(exchange);
          }
        });
    long start = System.nanoTime();
    pull();
    assertTrue(System.nanoTime() - start >= 1_000_000_000, "did not wait a second");
  }

  @Test
  void aPauseOfAnHourIsSaidNotWaited() {
    server.answers(HubServer.status(429, "Retry-After", "3600"));
    assertSays("answered 429 and asks to wait 3600 s: try again then", refused(NAME));
  }

  @Test
  void aSlowServerIsWaitedForAndASilentOneIsLeft() throws IOException {
    HubSettings impatient =
        server
            .settings(Map.of())
            .with(
                new HubSettings.Limits(
                    Duration.ofSeconds(2), 2, Duration.ZERO, Duration.ZERO, 1, 100_000));
    server.answers(
        exchange -> {
          byte[] slice = HubServer.slice(exchange, content);
          exchange.sendResponseHeaders(206, slice.length);
          for (int at = 0; at < slice.length; at += 950) {
            exchange.getResponseBody().write(slice, at, 950);
            exchange.getResponseBody().flush();
            pause();
          }
        });
    pull(impatient, NAME); // takes 2.5 s, but is never silent for long
    assertPulled();
    Files.delete(folder().resolve(FILE));

    server.answers(
        exchange -> {
          HubServer.send(exchange, 206, HubServer.slice(exchange, content), 0);
          waitForTheEnd();
        });
    assertSays("the connection to 127.0.0.1 broke after 0 B of 9.50 kB", refused(impatient, NAME));
  }

  private static void pause() {
    try {
      Thread.sleep(250);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void theTokenGoesToTheHubAndNowhereElse() throws IOException {
    try (HubServer store = new HubServer()) {
      server.answers(
          exchange ->
              HubServer.status(
                      302, "Location", store.endpoint() + "/store/" + HubServer.COMMIT + "/x")
                  .to(exchange));
      store.answers(exchange -> store.serve(exchange, content, "\"stored\""));
      HubSettings settings = server.settings(Map.of("HF_TOKEN", "hf_verysecret"));
      pull(settings, NAME);
      assertPulled();
      assertTrue(
          server.requests.stream().allMatch(r -> "Bearer hf_verysecret".equals(r.authorization())));
      assertEquals(10, store.requests.size());
      assertTrue(store.requests.stream().allMatch(r -> r.authorization() == null));
      assertFalse(settings.toString().contains("verysecret"), settings.toString());
    }
  }

  @Test
  void noFailureShowsTheToken() {
    HubSettings settings = server.settings(Map.of("HF_TOKEN", "hf_verysecret"));
    server.answers(HubServer.status(401));
    InputException e = assertThrows(InputException.class, () -> pull(settings, NAME));
    assertSays("HF_TOKEN is not valid there", e.getMessage());
    for (Throwable t = e; t != null; t = t.getCause()) {
      assertFalse(t.toString().contains("verysecret"), t.toString());
    }
  }

  @Test
  void redirectsThatLeadNowhereAreRefused() {
    server.answers(
        exchange ->
            HubServer.status(302, "Location", exchange.getRequestURI().toString()).to(exchange));
    assertSays("sends from one address to the next without end", refused(NAME));
    for (String location : List.of("", "file:///etc/passwd", "ht!tp://x", "//")) {
      server.answers(HubServer.status(302, "Location", location));
      assertSays("sends to an address that is none, or that is less safe", refused(NAME));
    }
  }

  @Test
  void aHubThatIsNotThereIsSaidToBe() {
    HubSettings nowhere = server.settings(Map.of("HF_ENDPOINT", "http://127.0.0.1:1"));
    assertSays("127.0.0.1 cannot be reached, or gives no answer (3 times)", refused(nowhere, NAME));
  }

  @Test
  void anAnswerThatIsNoListIsRefused() throws IOException {
    try (HubServer other = new HubServer()) {
      HubSettings settings = other.settings(Map.of("HF_ENDPOINT", other.endpoint() + "/elsewhere"));
      other.answers(exchange -> HubServer.send(exchange, 200, "<html>".getBytes(US_ASCII)));
      assertSays("did not answer with a list of files", refused(settings, NAME));
    }
  }

  @Test
  void offlineUsesNoNetwork() throws IOException {
    HubSettings offline = server.settings(Map.of("HF_HUB_OFFLINE", "1"));
    assertSays(NAME + " is not on this machine, and --offline", refused(offline, NAME));
    pull();
    int requests = server.requests.size();
    assertEquals(folder().resolve(FILE), pull(offline, NAME).path());
    assertEquals(requests, server.requests.size());
  }

  @Test
  void aModelLargerThanTheDiskIsNotBegun() throws IOException {
    server.file("m-F32.gguf", content, 1L << 60, "0".repeat(64));
    assertSays("o/m:F32 needs 1.15 EB on the disk of", refused("o/m:F32"));
    assertEquals(List.of(), server.ranges());
    assertEquals(List.of(), filesThere());
  }

  @Test
  void namesThatLeaveTheFolderAreAsIfTheyWereNotThere() {
    for (String name :
        List.of(
            "../x-Q2_K.gguf",
            "/x-Q2_K.gguf",
            "a/../x-Q2_K.gguf",
            "a\\x-Q2_K.gguf",
            ".x/Q2_K.gguf")) {
      server.file(name, content);
    }
    assertSays(
        "o/m has no file and no quantisation 'Q2_K', there is: Q4_K_M, Q8_0", refused("o/m:Q2_K"));
  }

  @Test
  void aSafetensorsModelComesWithWhatSaysHowToReadIt() throws IOException {
    // printf 'hello\n' | git hash-object --stdin
    byte[] hello = "hello\n".getBytes(US_ASCII);
    String blob = "ce013625030ba8dba906f756967f9e9ca394464a";
    server
        .file("model-00001-of-00002.safetensors", content)
        .file("model-00002-of-00002.safetensors", random(1, 4))
        .gitFile("model.safetensors.index.json", hello, blob)
        .gitFile("config.json", hello, blob)
        .gitFile("tokenizer.json", hello, blob)
        .gitFile("tokenizer_config.json", new byte[0], "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
        .gitFile("README.md", hello, blob);
    HubPull.Pulled pulled = pull(server.settings(Map.of()), "o/m");
    assertEquals(folder(), pulled.path());
    assertEquals(
        List.of(
            "config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "tokenizer.json",
            "tokenizer_config.json"),
        filesThere());
    assertEquals(List.of(), pulled.unchecked());
  }

  @Test
  void aSmallFileWithAnotherContentIsThrownAwayToo() {
    server.gitFile(
        "config.json", "hellO\n".getBytes(US_ASCII), "ce013625030ba8dba906f756967f9e9ca394464a");
    assertSays("has git blob SHA-1", refused("o/m:config.json"));
  }

  @Test
  void twoProcessesDoNotFetchTheSame() throws IOException {
    try (PartFile held = PartFile.open(folder().resolve(FILE))) {
      assertSays("another process is fetching", refused(NAME));
      assertEquals(0, held.done());
    }
  }

  @Test
  void aProxyIsUsedWhereTheEnvironmentNamesOne() throws IOException {
    try (HubServer proxy = new HubServer()) {
      List<String> lines = new ArrayList<>();
      proxy.file(FILE, content).answers(exchange -> throughProxy(proxy, exchange, lines));
      Map<String, String> environment =
          Map.of(
              "HF_ENDPOINT",
              "http://hub.invalid",
              "http_proxy",
              "http://me:pass%20word@127.0.0.1:" + proxy.port());
      pull(proxy.settings(environment), NAME);
      assertPulled();
      // printf 'me:pass word' | base64
      assertTrue(lines.contains("Basic bWU6cGFzcyB3b3Jk"), lines.toString());
    }
  }

  private static void throughProxy(HubServer proxy, HttpExchange exchange, List<String> lines)
      throws IOException {
    String credentials = exchange.getRequestHeaders().getFirst("Proxy-Authorization");
    if (credentials == null) {
      HubServer.status(407, "Proxy-Authenticate", "Basic realm=\"x\"").to(exchange);
      return;
    }
    lines.add(credentials);
    proxy.serve(exchange);
  }
}
