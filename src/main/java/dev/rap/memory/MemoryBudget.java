package dev.rap.memory;

import dev.rap.InputException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The bytes that weights, KV cache and workspace together may take.
 *
 * @param bytes the limit
 */
public record MemoryBudget(long bytes) {
  private static final Pattern FORM =
      Pattern.compile("(\\d{1,15}(?:\\.\\d{1,9})?)\\s*(%|[kmgt]?i?b?)", Pattern.CASE_INSENSITIVE);

  public MemoryBudget {
    if (bytes < 1) {
      throw new IllegalArgumentException("bytes must be positive, was " + bytes);
    }
  }

  /** {@return the budget of a share of {@code denseBytes}, at least one byte} */
  public static MemoryBudget share(double share, long denseBytes) {
    return new MemoryBudget(Math.max(1, (long) (share * denseBytes)));
  }

  /** {@return whether {@code demand} bytes fit} */
  public boolean admits(long demand) {
    return demand <= bytes;
  }

  /**
   * {@return the budget that {@code text} names}
   *
   * @param text a share of the dense model such as {@code 80%}, or bytes such as {@code 1.2GB}
   *     (decimal) or {@code 900MiB} (binary)
   * @param denseBytes what 100 % stands for
   * @throws InputException if it is neither
   */
  public static MemoryBudget parse(String text, long denseBytes) {
    Matcher match = FORM.matcher(text.strip());
    if (match.matches()) {
      double number = Double.parseDouble(match.group(1));
      double bytes =
          match.group(2).equals("%")
              ? number / 100 * denseBytes
              : number * unit(match.group(2).toLowerCase(Locale.ROOT));
      if (bytes >= 1 && bytes < 0x1p62) {
        return new MemoryBudget((long) bytes);
      }
    }
    throw new InputException(
        "budget must be a share of the dense model such as 80% or a size such as 1.2GB or 900MiB,"
            + " was '%s'".formatted(text));
  }

  private static double unit(String suffix) {
    int power = suffix.isEmpty() ? 0 : "bkmgt".indexOf(suffix.charAt(0));
    return Math.pow(suffix.contains("i") ? 1024 : 1000, power);
  }
}
