package dev.rap.hub;

import dev.rap.Bytes;
import dev.rap.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Fetches one file: in ranges, several at a time, from where the last try stopped. A server that
 * knows no ranges gives it in one piece.
 */
public final class Download {
  private static final int BUFFER_BYTES = 1 << 16;
  private static final int MOST_CHUNKS = 256;
  private static final Pattern CONTENT_RANGE =
      Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");

  private final HubClient client;
  private final HubSettings.Limits limits;
  private final RemoteFile file;
  private final PartFile part;
  private final TransferListener listener;
  private Optional<Checksum> checksum;

  private Download(HubClient client, RemoteFile file, PartFile part, TransferListener listener) {
    this.client = client;
    this.limits = client.settings().limits();
    this.file = file;
    this.part = part;
    this.listener = listener;
    this.checksum = file.checksum();
  }

  /** The content has another name than what is there of it. */
  private static final class ChangedException extends Exception {
    private static final long serialVersionUID = 1L;
  }

  /**
   * Fetches {@code file}, and has {@code part} accept it, whole and checked.
   *
   * @throws InputException if the server does not give it
   * @throws IOException if this machine cannot take it
   */
  public static void fetch(
      HubSettings settings, RemoteFile file, PartFile part, TransferListener listener)
      throws IOException {
    if (settings.offline()) {
      throw new InputException(
          "%s is not on this machine, and the network is not to be used".formatted(file.name()));
    }
    try (HubClient client = new HubClient(settings)) {
      fetch(client, file, part, listener);
    }
  }

  static void fetch(HubClient client, RemoteFile file, PartFile part, TransferListener listener)
      throws IOException {
    new Download(client, file, part, listener).run();
  }

  private void run() throws IOException {
    long chunk = Math.max(limits.chunkBytes(), Math.ceilDiv(file.bytes(), MOST_CHUNKS));
    part.begin(file.checksum().map(Checksum::hex).orElse(""), file.bytes(), chunk);
    listener.begins(file.name(), part.done(), file.bytes());
    try (SilenceWatch watch = new SilenceWatch(limits.patience())) {
      try {
        fetchAll(watch);
      } catch (ChangedException e) {
        part.restart();
        fetchAll(watch);
      }
    } catch (ChangedException e) {
      throw new InputException(
          "%s changes on the hub while it is fetched: try again".formatted(file.name()), e);
    } finally {
      part.end();
      listener.ends();
    }
    part.accept(file.bytes(), checksum);
  }

  /** The first range shows whether there are ranges; the others then come beside it. */
  private void fetchAll(SilenceWatch watch) throws IOException, ChangedException {
    int first = part.take();
    if (first < 0) {
      return;
    }
    HubClient.Answer answer = Retries.of(limits, () -> request(first));
    if (!answer.isPartial()) {
      if (!part.tag().isEmpty()) {
        answer.close();
        throw new ChangedException();
      }
      fetchWhole(answer, watch);
      return;
    }
    try (ExecutorService threads =
        Executors.newThreadPerTaskExecutor(
            Thread.ofPlatform().daemon().name("rap-hub-", 0).factory())) {
      ExecutorCompletionService<Void> ends = new ExecutorCompletionService<>(threads);
      List<Future<Void>> workers = new ArrayList<>();
      workers.add(ends.submit(() -> work(first, Optional.of(answer), watch)));
      for (int i = 1; i < Math.min(limits.connections(), part.chunks()); i++) {
        workers.add(ends.submit(() -> work(part.take(), Optional.empty(), watch)));
      }
      try {
        for (int i = 0; i < workers.size(); i++) {
          ends.take().get();
        }
      } catch (ExecutionException e) {
        throw rethrown(e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InputException("interrupted", e);
      } finally {
        threads.shutdownNow();
      }
    }
  }

  private static IOException rethrown(Throwable cause) throws ChangedException {
    return switch (cause) {
      case ChangedException e -> throw e;
      case InputException e -> throw e;
      case IOException e -> e;
      case RuntimeException e -> throw e;
      default -> throw new IllegalStateException(cause);
    };
  }

  private Void work(int first, Optional<HubClient.Answer> opened, SilenceWatch watch)
      throws IOException, ChangedException {
    Optional<HubClient.Answer> answer = opened;
    for (int chunk = first; chunk >= 0; chunk = part.take()) {
      fetchChunk(chunk, answer, watch);
      answer = Optional.empty();
    }
    return null;
  }

  private void fetchChunk(int chunk, Optional<HubClient.Answer> opened, SilenceWatch watch)
      throws IOException, ChangedException {
    Retries retries = new Retries(limits);
    Optional<HubClient.Answer> answer = opened;
    while (part.done(chunk) < part.length(chunk)) {
      long before = part.done(chunk);
      try (HubClient.Answer current = answer.isPresent() ? answer.get() : request(chunk)) {
        requireRange(current, chunk);
        copy(current.body(), chunk, part.length(chunk), watch);
      } catch (TransientException e) {
        if (part.done(chunk) > before) {
          retries.succeeded();
        }
        retries.failed(e);
      }
      answer = Optional.empty();
    }
  }

  private void fetchWhole(HubClient.Answer opened, SilenceWatch watch) throws IOException {
    Retries retries = new Retries(limits);
    HubClient.Answer answer = opened;
    while (true) {
      requireLength(answer);
      part.restart();
      try (HubClient.Answer current = answer) {
        for (int chunk = 0; chunk < part.chunks(); chunk++) {
          copy(current.body(), chunk, part.length(chunk), watch);
        }
        if (current.body().read() >= 0) {
          throw longer();
        }
        return;
      } catch (TransientException e) {
        retries.failed(e);
      }
      answer = Retries.of(limits, () -> client.get(file.address(), file.name(), Map.of()));
    }
  }

  private HubClient.Answer request(int chunk) throws TransientException {
    long from = part.start(chunk) + part.done(chunk);
    Map<String, String> headers = new HashMap<>();
    headers.put("Range", "bytes=%d-%d".formatted(from, part.start(chunk) + part.length(chunk) - 1));
    String tag = part.tag();
    if (tag.startsWith("\"")) { // a weak one may not stand there
      headers.put("If-Range", tag);
    }
    HubClient.Answer answer = client.get(file.address(), file.name(), headers);
    learn(answer);
    return answer;
  }

  private synchronized void learn(HubClient.Answer answer) {
    if (checksum.isEmpty()) {
      checksum = answer.linkedTag().flatMap(tag -> Checksum.sha256(tag.replace("\"", "")));
    }
  }

  private void requireRange(HubClient.Answer answer, int chunk) throws ChangedException {
    if (!answer.isPartial() || !part.acceptsTag(answer.header("ETag").orElse(""))) {
      throw new ChangedException();
    }
    String text = answer.header("Content-Range").orElse("");
    Matcher range = CONTENT_RANGE.matcher(text);
    long from = part.start(chunk) + part.done(chunk);
    if (!range.matches() || Long.parseLong(range.group(1)) != from) {
      throw new InputException(
          "%s gave the range '%s' instead of one from byte %d"
              .formatted(host(), text.replaceAll("\\p{Cc}", "?"), from));
    }
    String total = range.group(3);
    if (!total.equals("*") && Long.parseLong(total) != file.bytes()) {
      throw wrongLength(Long.parseLong(total));
    }
  }

  private void requireLength(HubClient.Answer answer) {
    answer.response().headers().firstValueAsLong("Content-Length").stream()
        .filter(length -> length != file.bytes())
        .findFirst()
        .ifPresent(
            length -> {
              answer.close();
              throw wrongLength(length);
            });
  }

  private InputException wrongLength(long found) {
    return new InputException(
        "%s has %d bytes at %s, expected %d".formatted(file.name(), found, host(), file.bytes()));
  }

  private InputException longer() {
    return new InputException(
        "%s is longer at %s than the %d bytes expected"
            .formatted(file.name(), host(), file.bytes()));
  }

  private String host() {
    return file.address().getHost();
  }

  private void copy(InputStream body, int chunk, long length, SilenceWatch watch)
      throws IOException, TransientException {
    byte[] buffer = new byte[BUFFER_BYTES];
    try {
      while (part.done(chunk) < length) {
        int wanted = (int) Math.min(buffer.length, length - part.done(chunk));
        watch.heard(body);
        int n = read(body, buffer, wanted);
        part.write(chunk, buffer, n);
        report();
      }
    } finally {
      watch.forget(body);
    }
  }

  private int read(InputStream body, byte[] buffer, int wanted) throws TransientException {
    IOException cause = null;
    try {
      int n = body.read(buffer, 0, wanted);
      if (n >= 0) {
        return n;
      }
    } catch (IOException e) {
      cause = e; // an end that comes by error is an end
    }
    throw new TransientException(
        "the connection to %s broke after %s of %s, the next try goes on from there"
            .formatted(host(), Bytes.text(part.done()), Bytes.text(file.bytes())),
        Optional.empty(),
        cause);
  }

  private synchronized void report() {
    try {
      listener.at(part.done());
    } catch (UncheckedIOException e) {
      throw new InputException("the progress cannot be shown", e);
    }
  }
}
