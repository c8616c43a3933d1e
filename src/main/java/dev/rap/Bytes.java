package dev.rap;

import java.util.Locale;

/** Numbers of bytes as people read them, in decimal units. */
public final class Bytes {
  private static final String[] UNITS = {"kB", "MB", "GB", "TB", "PB", "EB"};

  private Bytes() {}

  /**
   * {@return {@code bytes} to three digits, such as {@code 576 B}, {@code 98.4 MB}, {@code 1.20
   * GB}}
   */
  public static String text(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes must not be negative, was " + bytes);
    }
    if (bytes < 1000) {
      return bytes + " B";
    }
    double value = bytes / 1e3;
    int unit = 0;
    // 999.5 would be written as 1000.
    while (value >= 999.5) {
      value /= 1e3;
      unit++;
    }
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return String.format(Locale.ROOT, "%." + decimals + "f %s", value, UNITS[unit]);
  }
}
