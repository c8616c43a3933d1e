package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** The model's own address, over HTTPS. Goes on where an interrupted run stopped. */
final class HubSource implements ModelSource {
  private static final int CHUNK_BYTES = 1 << 16;

  private final Duration patience;

  HubSource() {
    this(Duration.ofSeconds(30));
  }

  /**
   * @param patience how long the server may be silent
   */
  HubSource(Duration patience) {
    this.patience = patience;
  }

  @Override
  public String name() {
    return "hub";
  }

  @Override
  public void fetch(PublishedModel model, Path part, Console console) throws IOException {
    long have = Files.exists(part) ? Files.size(part) : 0;
    if (have >= model.bytes()) {
      have = 0;
    }
    try (HttpClient client =
        HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NORMAL)
            .connectTimeout(patience)
            .build()) {
      HttpResponse<InputStream> response = send(client, model, have);
      try (InputStream body = response.body()) {
        receive(body, model, part, resumes(response, have) ? have : 0, console);
      } finally {
        client.shutdownNow();
      }
    }
  }

  private HttpResponse<InputStream> send(HttpClient client, PublishedModel model, long have) {
    HttpRequest.Builder request = HttpRequest.newBuilder(model.hub()).timeout(patience);
    if (have > 0) {
      request.header("Range", "bytes=" + have + "-");
    }
    HttpResponse<InputStream> response;
    try {
      response = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    } catch (IOException e) {
      throw new InputException(model.hub().getHost() + " cannot be reached", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InputException("interrupted", e);
    }
    if (response.statusCode() != 200 && response.statusCode() != 206) {
      throw new InputException(
          "%s answered %d".formatted(model.hub().getHost(), response.statusCode()));
    }
    return response;
  }

  // A server may ignore the Range header: then it sends all, with 200.
  private static boolean resumes(HttpResponse<?> response, long have) {
    return response.statusCode() == 206
        && response
            .headers()
            .firstValue("Content-Range")
            .filter(range -> range.startsWith("bytes " + have + "-"))
            .isPresent();
  }

  private void receive(
      InputStream body, PublishedModel model, Path part, long have, Console console)
      throws IOException {
    if (have == 0) {
      Files.write(part, new byte[0]);
    }
    AtomicLong heardNanos = new AtomicLong(System.nanoTime());
    try (ScheduledExecutorService watch = Executors.newSingleThreadScheduledExecutor();
        OutputStream out = Files.newOutputStream(part, StandardOpenOption.APPEND);
        Progress progress =
            new Progress(
                console,
                model.name(),
                have,
                model.bytes(),
                Progress.Unit.BYTES,
                System::nanoTime)) {
      long millis = Math.max(1, patience.toMillis() / 4);
      var _ =
          watch.scheduleAtFixedRate(
              () -> hangUpIfSilent(body, heardNanos), millis, millis, TimeUnit.MILLISECONDS);
      byte[] chunk = new byte[CHUNK_BYTES];
      long done = have;
      int n = read(body, chunk);
      while (n >= 0 && done + n <= model.bytes()) {
        heardNanos.set(System.nanoTime());
        out.write(chunk, 0, n);
        done += n;
        progress.at(done);
        n = read(body, chunk);
      }
      watch.shutdownNow();
      if (done < model.bytes() && n < 0) {
        throw new InputException(
            "the connection broke after %s of %s, the next try goes on from there"
                .formatted(Bytes.text(done), Bytes.text(model.bytes())));
      }
    }
  }

  // An end that comes by error is an end: what is missing shows in the count.
  private static int read(InputStream body, byte[] chunk) {
    try {
      return body.read(chunk);
    } catch (IOException e) {
      return -1;
    }
  }

  private void hangUpIfSilent(InputStream body, AtomicLong heardNanos) {
    if (System.nanoTime() - heardNanos.get() > patience.toNanos()) {
      try {
        body.close();
      } catch (IOException e) {
        // The reader learns of it by itself.
      }
    }
  }
}
