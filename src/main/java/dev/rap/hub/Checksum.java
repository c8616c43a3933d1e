package dev.rap.hub;

import dev.rap.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a file's bytes must come to. The hub gives large files by SHA-256 and small ones, which lie
 * in git itself, by git's name of the blob.
 *
 * @param hex lower case
 */
public record Checksum(Kind kind, String hex) {
  private static final Pattern SHA_256 = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern SHA_1 = Pattern.compile("[0-9a-f]{40}");

  /** How it is made. */
  public enum Kind {
    SHA_256("SHA-256"),
    GIT_BLOB("git blob SHA-1");

    private final String text;

    Kind(String text) {
      this.text = text;
    }
  }

  /** {@return the SHA-256 in {@code text}, if there is one and nothing else} */
  public static Optional<Checksum> sha256(String text) {
    String hex = text.strip().toLowerCase(Locale.ROOT);
    return SHA_256.matcher(hex).matches()
        ? Optional.of(new Checksum(Kind.SHA_256, hex))
        : Optional.empty();
  }

  static Optional<Checksum> gitBlob(String text) {
    return SHA_1.matcher(text).matches()
        ? Optional.of(new Checksum(Kind.GIT_BLOB, text))
        : Optional.empty();
  }

  /** {@return the checksum of this kind of the bytes of {@code file}} */
  Checksum of(Path file) throws IOException {
    return new Checksum(kind, kind == Kind.SHA_256 ? Sha256.of(file) : gitBlobOf(file));
  }

  // Git's name of a file: SHA-1 of "blob ", its length, a zero and its bytes.
  private static String gitBlobOf(Path file) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-1");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-1", e);
    }
    digest.update("blob %d\0".formatted(Files.size(file)).getBytes(StandardCharsets.US_ASCII));
    try (InputStream in = Files.newInputStream(file)) {
      Sha256.update(digest, in);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  @Override
  public String toString() {
    return kind.text + " " + hex;
  }
}
