package dev.rap.tokenizer;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a model wants a conversation written down.
 *
 * <p>What marks the turns is put in as tokens; what people and the model said is encoded as plain
 * text, so that nobody can end a turn by writing its mark.
 *
 * <p>Immutable.
 *
 * @see <a href="https://github.com/openai/openai-python/blob/release-v0.28.0/chatml.md">ChatML</a>
 * @see <a href="https://www.llama.com/docs/model-cards-and-prompt-formats/meta-llama-3/">Llama
 *     3</a>
 */
public final class ChatFormat {

  /** Who speaks. */
  public enum Role {
    SYSTEM,
    USER,
    ASSISTANT;

    private String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What one of them said. */
  public record Message(Role role, String content) {}

  private enum Kind {
    CHATML("ChatML", "<|im_start|>", "", "\n", "<|im_end|>", "\n"),
    LLAMA3("Llama 3", "<|start_header_id|>", "<|end_header_id|>", "\n\n", "<|eot_id|>", "");

    private final String title;
    private final String start;
    private final String headerEnd; // "" where a header ends with its line
    private final String gap; // between header and content
    private final String end;
    private final String between; // turns

    Kind(String title, String start, String headerEnd, String gap, String end, String between) {
      this.title = title;
      this.start = start;
      this.headerEnd = headerEnd;
      this.gap = gap;
      this.end = end;
      this.between = between;
    }
  }

  // What a ChatML template says where nobody gave a system message. Its source holds the line break
  // as such or as an escape.
  private static final Pattern DEFAULT_SYSTEM =
      Pattern.compile("<\\|im_start\\|>system(?:\\n|\\\\n)([^<>{}'\"]+)<\\|im_end\\|>");

  private final Tokenizer tokenizer;
  private final Kind kind;

  private ChatFormat(Tokenizer tokenizer, Kind kind) {
    this.tokenizer = tokenizer;
    this.kind = kind;
  }

  /** {@return the format of a model, if its vocabulary has the tokens of one that is known} */
  public static Optional<ChatFormat> of(Tokenizer tokenizer) {
    for (Kind kind : Kind.values()) {
      boolean complete =
          isControl(tokenizer, kind.start)
              && isControl(tokenizer, kind.end)
              && (kind.headerEnd.isEmpty() || isControl(tokenizer, kind.headerEnd));
      if (complete) {
        return Optional.of(new ChatFormat(tokenizer, kind));
      }
    }
    return Optional.empty();
  }

  // Those that are not special would be found in plain text.
  private static boolean isControl(Tokenizer tokenizer, String text) {
    OptionalInt token = tokenizer.find(text);
    return token.isPresent() && tokenizer.isSpecial(token.getAsInt());
  }

  /** {@return what people call it} */
  public String name() {
    return kind.title;
  }

  /** {@return the system message that the model was trained with where there is no other} */
  public Optional<String> defaultSystem() {
    return tokenizer
        .chatTemplate()
        .map(DEFAULT_SYSTEM::matcher)
        .filter(Matcher::find)
        .map(match -> match.group(1));
  }

  /**
   * {@return the tokens of a conversation, up to where the assistant's next message begins}
   *
   * <p>No default system message is put in.
   */
  public int[] prompt(List<Message> messages) {
    IntList tokens = new IntList();
    if (tokenizer.bos().isPresent() && (tokenizer.addsBos() || kind == Kind.LLAMA3)) {
      tokens.add(tokenizer.bos().getAsInt());
    }
    for (Message message : messages) {
      begin(tokens, message.role(), content(message));
      control(tokens, kind.end);
      text(tokens, kind.between);
    }
    begin(tokens, Role.ASSISTANT, "");
    return tokens.from(0);
  }

  private String content(Message message) {
    return kind == Kind.LLAMA3 ? message.content().strip() : message.content();
  }

  // Text between two control tokens is encoded as a whole, since its parts may merge.
  private void begin(IntList tokens, Role role, String content) {
    control(tokens, kind.start);
    if (kind.headerEnd.isEmpty()) {
      text(tokens, role.word() + kind.gap + content);
    } else {
      text(tokens, role.word());
      control(tokens, kind.headerEnd);
      text(tokens, kind.gap + content);
    }
  }

  private void control(IntList tokens, String text) {
    tokens.add(tokenizer.find(text).orElseThrow());
  }

  private void text(IntList tokens, String text) {
    for (int token : tokenizer.encode(text)) {
      tokens.add(token);
    }
  }
}
