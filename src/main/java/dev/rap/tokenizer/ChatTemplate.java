package dev.rap.tokenizer;

import dev.rap.InputException;
import dev.rap.template.Template;
import dev.rap.template.TemplateException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * How a model wants a conversation written down: the Jinja in its file, as Transformers renders it.
 *
 * <p>Special tokens that the template writes steer the model. Those that people wrote are text, so
 * that nobody can end a turn by writing its mark; only a special token of a single character cannot
 * be told apart.
 *
 * <p>Immutable.
 *
 * @see <a href="https://huggingface.co/docs/transformers/chat_templating">Chat templates</a>
 */
public final class ChatTemplate {

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

  // Noncharacters: no text has a meaning for them.
  private static final char FIRST_GUARD = '\uFDD0';
  private static final char LAST_GUARD = '\uFDEF';

  private final Tokenizer tokenizer;
  private final String model;
  private final Template template;

  private ChatTemplate(Tokenizer tokenizer, String model, String source) {
    this.tokenizer = tokenizer;
    this.model = model;
    try {
      this.template = Template.of(source);
    } catch (TemplateException e) {
      throw refused(e);
    }
  }

  /**
   * {@return the template of a model, if it has one}
   *
   * @param model its name in messages
   * @throws InputException if the template cannot be read
   */
  public static Optional<ChatTemplate> of(Tokenizer tokenizer, String model) {
    return tokenizer.chatTemplate().map(source -> new ChatTemplate(tokenizer, model, source));
  }

  private InputException refused(TemplateException e) {
    return new InputException(
        "the chat template of %s refuses: %s".formatted(model, e.getMessage()), e);
  }

  /**
   * {@return the tokens of a conversation, up to where the assistant's next message begins} BOS is
   * among them only if the template writes it.
   *
   * @throws InputException if the template refuses the conversation, or fails
   */
  public int[] prompt(List<Message> messages) {
    char guard = guard(messages);
    List<Map<String, String>> said = new ArrayList<>();
    for (Message message : messages) {
      String content = guarded(WellFormed.of(message.content()), guard);
      said.add(Map.of("role", message.role().word(), "content", content));
    }
    Map<String, Object> variables = new LinkedHashMap<>(tokenizer.namedTokens());
    variables.put("messages", said);
    variables.put("tools", null);
    variables.put("documents", null);
    variables.put("add_generation_prompt", true);
    try {
      return tokenizer.encodeGuarded(template.render(variables), guard);
    } catch (TemplateException e) {
      throw refused(e);
    }
  }

  private static char guard(List<Message> messages) {
    for (char guard = FIRST_GUARD; guard <= LAST_GUARD; guard++) {
      String mark = String.valueOf(guard);
      if (messages.stream().noneMatch(message -> message.content().contains(mark))) {
        return guard;
      }
    }
    throw new InputException(
        "the conversation has all of the characters U+FDD0 to U+FDEF, expected one of them unused: leave them out");
  }

  // Splits each special token behind its first character.
  private String guarded(String content, char guard) {
    String result = content;
    for (String token : tokenizer.specialTexts()) {
      int first = token.offsetByCodePoints(0, 1);
      if (first < token.length()) {
        result = result.replace(token, token.substring(0, first) + guard + token.substring(first));
      }
    }
    return result;
  }
}
