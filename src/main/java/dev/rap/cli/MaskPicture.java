package dev.rap.cli;

import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;

/** A mask for the eye: a column a layer, attention above feed-forward, fuller where more stays. */
final class MaskPicture {
  /** A sublayer that runs whole. */
  static final char WHOLE = '█';

  /** A sublayer that does not run. */
  static final char DROPPED = '·';

  private static final String LEVELS = DROPPED + "▁▂▃▄▅▆▇" + WHOLE;

  private MaskPicture() {}

  /** {@return two lines of text} */
  static String of(RetentionMask mask) {
    String[] rows = rows(mask);
    return "attention    %s%nfeed-forward %s".formatted(rows[0], rows[1]);
  }

  /** {@return the row of attention and the row of feed-forward sublayers} */
  static String[] rows(RetentionMask mask) {
    return new String[] {row(mask, Sublayer.Kind.ATTENTION), row(mask, Sublayer.Kind.FEED_FORWARD)};
  }

  private static String row(RetentionMask mask, Sublayer.Kind kind) {
    StringBuilder row = new StringBuilder();
    int most = LEVELS.length() - 1;
    for (int layer = 0; layer < mask.shape().layers(); layer++) {
      int kept = mask.count(new Sublayer(layer, kind));
      row.append(LEVELS.charAt(Math.ceilDiv(kept * most, mask.shape().units(kind))));
    }
    return row.toString();
  }
}
