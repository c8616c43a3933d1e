package dev.rap.engine;

import dev.rap.tokenizer.TokenStream;
import dev.rap.tokenizer.Tokenizer;
import java.util.List;

/** Turns drawn tokens into text as they come, up to the first stop string. */
public final class TextStream {
  private final TokenStream stream;
  private final List<String> stops;
  private final StringBuilder held = new StringBuilder(); // may be the beginning of a stop string
  private boolean stopped;

  /**
   * @param stops that end the text; they are not part of it
   */
  public TextStream(Tokenizer tokenizer, List<String> stops) {
    this.stream = tokenizer.newStream();
    this.stops = stops.stream().filter(stop -> !stop.isEmpty()).toList();
  }

  /** {@return whether a stop string has come} */
  public boolean stopped() {
    return stopped;
  }

  /** {@return the text that {@code token} completes; may be empty} */
  public String accept(int token) {
    return advance(stream.accept(token), false);
  }

  /** {@return what was held back} */
  public String flush() {
    return advance(stream.flush(), true);
  }

  private String advance(String text, boolean last) {
    if (stopped) {
      return "";
    }
    held.append(text);
    int end = held.length();
    for (String stop : stops) {
      int at = held.indexOf(stop);
      if (at >= 0 && at < end) {
        end = at;
        stopped = true;
      }
    }
    if (!stopped && !last) {
      end -= heldBack();
    }
    String ready = held.substring(0, end);
    held.delete(0, stopped ? held.length() : end);
    return ready;
  }

  // The longest ending of the text that begins a stop string.
  private int heldBack() {
    int longest = 0;
    for (String stop : stops) {
      for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
        if (stop.startsWith(held.substring(held.length() - n))) {
          longest = n;
        }
      }
    }
    return longest;
  }
}
