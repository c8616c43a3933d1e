package dev.rap;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256, in lower-case hexadecimal. */
public final class Sha256 {
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
}
