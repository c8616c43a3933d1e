package dev.rap;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256, in lower-case hexadecimal. */
public final class Sha256 {
  private static final int CHUNK_BYTES = 1 << 20;

  private Sha256() {}

  /** {@return a digest of nothing yet} */
  public static MessageDigest begin() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  /** {@return the digest of what {@code begun} was given, which is empty again} */
  public static String end(MessageDigest begun) {
    return HexFormat.of().formatHex(begun.digest());
  }

  /** {@return the digest of {@code bytes}} */
  public static String of(byte[] bytes) {
    MessageDigest digest = begin();
    digest.update(bytes);
    return end(digest);
  }

  /** {@return the digest of the bytes of {@code file}} */
  public static String of(Path file) throws IOException {
    MessageDigest digest = begin();
    try (InputStream in = Files.newInputStream(file)) {
      update(digest, in);
    }
    return end(digest);
  }

  /** Gives {@code digest} all that is left of {@code in}. */
  public static void update(MessageDigest digest, InputStream in) throws IOException {
    byte[] chunk = new byte[CHUNK_BYTES];
    for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
      digest.update(chunk, 0, n);
    }
  }
}
