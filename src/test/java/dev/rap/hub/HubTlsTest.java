package dev.rap.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against a hub whose certificate nobody but its owner has issued. */
@Timeout(60)
class HubTlsTest {
  private static final String FILE = "m-Q4_K_M.gguf";
  private static final char[] PASSWORD = "changeit".toCharArray();

  @TempDir private static Path keys;
  @TempDir private Path models;

  private static void keytool(String... arguments) throws IOException, InterruptedException {
    String[] command = new String[arguments.length + 1];
    command[0] = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), said);
  }

  @BeforeAll
  static void makeCertificate() throws IOException, InterruptedException {
    String store = keys.resolve("keys.p12").toString();
    String password = String.valueOf(PASSWORD);
    keytool(
        "-genkeypair",
        "-alias",
        "hub",
        "-keyalg",
        "EC",
        "-dname",
        "CN=hub",
        "-ext",
        "san=ip:127.0.0.1",
        "-keystore",
        store,
        "-storepass",
        password);
    keytool(
        "-exportcert",
        "-rfc",
        "-alias",
        "hub",
        "-file",
        keys.resolve("hub.pem").toString(),
        "-keystore",
        store,
        "-storepass",
        password);
  }

  private static HubServer server() throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream bytes = Files.newInputStream(keys.resolve("keys.p12"))) {
      store.load(bytes, PASSWORD);
    }
    KeyManagerFactory managers =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(store, PASSWORD);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(managers.getKeyManagers(), null, null);
    return new HubServer(tls);
  }

  private HubPull.Pulled pull(HubServer server, Map<String, String> environment)
      throws IOException {
    return new HubPull(server.settings(environment), models, new Silent())
        .pull(HubModel.find("o/m:Q4_K_M").orElseThrow(), Optional.empty());
  }

  @Test
  void aNamedCertificateIsTrusted() throws Exception {
    byte[] content = new byte[9_500];
    new Random(1).nextBytes(content);
    try (HubServer server = server().file(FILE, content)) {
      HubPull.Pulled pulled =
          pull(server, Map.of("SSL_CERT_FILE", keys.resolve("hub.pem").toString()));
      assertArrayEquals(content, Files.readAllBytes(pulled.path()));
    }
  }

  @Test
  void anotherIsRefusedAtOnce() throws Exception {
    try (HubServer server = server().file(FILE, new byte[10])) {
      String message =
          assertThrows(InputException.class, () -> pull(server, Map.of())).getMessage();
      assertTrue(message.contains("127.0.0.1 shows a certificate that is not trusted"), message);
      assertTrue(message.contains("SSL_CERT_FILE"), message);
      assertEquals(0, server.requests.size());
    }
  }

  @Test
  void aHandshakeThatBreaksOffIsTriedAgain() throws Exception {
    AtomicInteger tries = new AtomicInteger();
    try (ServerSocket socket = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                try {
                  while (true) {
                    socket.accept().close();
                    tries.incrementAndGet();
                  }
                } catch (IOException e) {
                  // The test is over.
                }
              });
      HubSettings settings =
          HubSettings.of(Map.of("HF_ENDPOINT", "https://127.0.0.1:" + socket.getLocalPort()))
              .with(HubServer.LIMITS);
      HubPull pull = new HubPull(settings, models, new Silent());
      String message =
          assertThrows(
                  InputException.class,
                  () -> pull.pull(HubModel.find("o/m:Q4_K_M").orElseThrow(), Optional.empty()))
              .getMessage();
      assertTrue(message.contains("127.0.0.1 cannot be reached"), message);
      assertTrue(tries.get() > 1, "tries: " + tries);
    }
  }

  @Test
  void aFileWithoutCertificatesIsRefused() throws IOException {
    Path empty = Files.createFile(keys.resolve("empty.pem"));
    Path other = Files.writeString(keys.resolve("other.pem"), "-----BEGIN CERTIFICATE-----\nno\n");
    for (Path file : new Path[] {empty, other, keys, keys.resolve("none")}) {
      Map<String, String> environment = Map.of("SSL_CERT_FILE", file.toString());
      String message =
          assertThrows(InputException.class, () -> HubSettings.of(environment)).getMessage();
      assertTrue(message.startsWith("SSL_CERT_FILE names " + file + ", expected"), message);
    }
  }
}
