package dev.rap.hub;

import dev.rap.InputException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;

/**
 * A file that is not whole yet: {@code FILE.part}, and {@code FILE.part.state} that says which
 * bytes of it are there and keeps other processes away. Both outlive an interruption.
 *
 * <p>Safe for several threads, of which each writes chunks of its own.
 */
public final class PartFile implements AutoCloseable {
  private static final String PART = ".part";
  private static final String STATE = ".part.state";
  private static final String FORM = "rap-part-1";
  private static final int MOST_STATE_BYTES = 1 << 22;
  private static final long SAVE_NANOS = 1_000_000_000;

  private final Path target;
  // Not channels: those close when a thread that uses them is interrupted.
  private final RandomAccessFile state;
  private final FileLock lock;
  private RandomAccessFile data;

  /** Whose bytes these are: what is known of the content beforehand. */
  private String identity = "";

  /** What the server calls this content; empty if it does not say. */
  private String tag = "";

  private long bytes;
  private long chunkBytes = 1;
  private long[] done = {};
  private int next;
  private long savedNanos;

  private PartFile(Path target, RandomAccessFile state, FileLock lock) {
    this.target = target;
    this.state = state;
    this.lock = lock;
  }

  static boolean isOwn(String name) {
    return name.endsWith(PART) || name.endsWith(STATE);
  }

  /**
   * {@return what there is of {@code target}, which is nobody else's until it is closed}
   *
   * @throws InputException if another process is fetching it
   * @throws IOException if the folder cannot be made or written to
   */
  public static PartFile open(Path target) throws IOException {
    try {
      Files.createDirectories(target.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw new InputException(
          "the folder %s cannot be made: set XDG_DATA_HOME to a folder that can be written to"
              .formatted(target.toAbsolutePath().getParent()),
          e);
    }
    RandomAccessFile state = new RandomAccessFile(beside(target, STATE).toFile(), "rw");
    try {
      FileLock lock = state.getChannel().tryLock();
      if (lock != null) {
        return new PartFile(target, state, lock);
      }
    } catch (OverlappingFileLockException e) {
      // The sentence below says it.
    }
    state.close();
    throw new InputException(
        "another process is fetching %s at this moment: wait for it".formatted(target));
  }

  private static Path beside(Path target, String suffix) {
    return target.resolveSibling(target.getFileName() + suffix);
  }

  /** {@return where the bytes are until they are all there} */
  public Path path() {
    return beside(target, PART);
  }

  /** Begins to write, where the last run stopped if it was fetching the same. */
  synchronized void begin(String content, long total, long chunk) throws IOException {
    data = new RandomAccessFile(path().toFile(), "rw");
    boolean resumed = load() && identity.equals(content) && bytes == total;
    if (!resumed || (identity.isEmpty() && tag.isEmpty())) {
      identity = content;
      bytes = total;
      chunkBytes = chunk;
      restart();
    }
    next = 0;
  }

  /** Forgets all bytes. */
  synchronized void restart() throws IOException {
    tag = "";
    done = new long[(int) Math.ceilDiv(bytes, chunkBytes)];
    next = 0;
    data.setLength(0);
    save();
  }

  synchronized String tag() {
    return tag;
  }

  /** {@return whether the content is what it was; the first name of it counts} */
  synchronized boolean acceptsTag(String found) {
    if (tag.isEmpty()) {
      tag = found;
    }
    return found.isEmpty() || tag.equals(found);
  }

  /** {@return the next chunk that is not whole, for one thread; -1 if none is left} */
  synchronized int take() {
    while (next < done.length && done[next] == length(next)) {
      next++;
    }
    return next < done.length ? next++ : -1;
  }

  int chunks() {
    return done.length;
  }

  long start(int chunk) {
    return chunk * chunkBytes;
  }

  long length(int chunk) {
    return Math.min(chunkBytes, bytes - start(chunk));
  }

  synchronized long done(int chunk) {
    return done[chunk];
  }

  /** {@return bytes that are there} */
  synchronized long done() {
    return Arrays.stream(done).sum();
  }

  /** Appends to a chunk. */
  synchronized void write(int chunk, byte[] source, int count) throws IOException {
    data.seek(start(chunk) + done[chunk]);
    data.write(source, 0, count);
    done[chunk] += count;
    if (System.nanoTime() - savedNanos > SAVE_NANOS) {
      save();
    }
  }

  // Of one length whatever it says, so that it never lies half written.
  private synchronized void save() throws IOException {
    StringBuilder text = new StringBuilder();
    text.append("%s%n%s%n%s%n%d %d%n".formatted(FORM, identity, tag, bytes, chunkBytes));
    for (long count : done) {
      text.append("%019d%n".formatted(count));
    }
    byte[] utf8 = text.toString().getBytes(StandardCharsets.UTF_8);
    state.seek(0);
    state.write(utf8);
    state.setLength(utf8.length);
    savedNanos = System.nanoTime();
  }

  private boolean load() throws IOException {
    if (state.length() == 0 || state.length() > MOST_STATE_BYTES) {
      return false;
    }
    byte[] text = new byte[(int) state.length()];
    state.seek(0);
    state.readFully(text);
    String[] lines = new String(text, StandardCharsets.UTF_8).split("\\R", -1);
    try {
      String[] sizes = lines[3].split(" ", -1);
      bytes = Long.parseLong(sizes[0]);
      chunkBytes = Long.parseLong(sizes[1]);
      identity = lines[1];
      tag = lines[2];
      done = Arrays.stream(lines, 4, lines.length - 1).mapToLong(Long::parseLong).toArray();
      return lines[0].equals(FORM) && isConsistent();
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      return false;
    }
  }

  private boolean isConsistent() throws IOException {
    if (bytes < 1 || chunkBytes < 1 || done.length != Math.ceilDiv(bytes, chunkBytes)) {
      return false;
    }
    for (int chunk = 0; chunk < done.length; chunk++) {
      boolean there = done[chunk] == 0 || data.length() >= start(chunk) + done[chunk];
      if (done[chunk] < 0 || done[chunk] > length(chunk) || !there) {
        return false;
      }
    }
    return true;
  }

  /** Ends writing; what is there stays for the next run. */
  synchronized void end() throws IOException {
    save();
    data.close();
  }

  /**
   * Gives the file its own name.
   *
   * @throws InputException if it is not what was expected; it is thrown away then
   */
  public void accept(long length, Optional<Checksum> expected) throws IOException {
    String wrong = "";
    if (Files.size(path()) != length) {
      wrong = "has %d bytes instead of %d".formatted(Files.size(path()), length);
    } else if (expected.isPresent()) {
      Checksum found = expected.get().of(path());
      if (!found.equals(expected.get())) {
        wrong = "has %s instead of %s".formatted(found, expected.get().hex());
      }
    }
    if (!wrong.isEmpty()) {
      Files.delete(path());
      throw new InputException("the file it gave %s and was thrown away".formatted(wrong));
    }
    try (FileChannel channel = FileChannel.open(path(), StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    Files.move(path(), target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Lets others at it; leaves nothing where nothing has come. */
  @Override
  public void close() throws IOException {
    try (state;
        lock) {
      if (Files.exists(path()) && Files.size(path()) == 0) {
        Files.delete(path());
      }
      if (Files.notExists(path())) {
        Files.deleteIfExists(beside(target, STATE));
      }
    }
  }
}
