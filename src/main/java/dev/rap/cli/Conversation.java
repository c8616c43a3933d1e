package dev.rap.cli;

import dev.rap.InputException;
import dev.rap.engine.LoadedModel;
import dev.rap.tokenizer.ChatTemplate;
import dev.rap.tokenizer.ChatTemplate.Message;
import dev.rap.tokenizer.ChatTemplate.Role;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/** What a user and a model said so far, as far back as the context reaches. */
final class Conversation {
  private record Turn(String user, String assistant) {}

  private final ChatTemplate template;
  private final Optional<String> system;
  private final Deque<Turn> turns = new ArrayDeque<>();

  /**
   * @param system is said first, and never forgotten
   */
  Conversation(ChatTemplate template, Optional<String> system) {
    this.template = template;
    this.system = system;
  }

  /**
   * {@return the chat template of a model}
   *
   * @throws InputException if there is none, or it cannot be read
   */
  static ChatTemplate templateOf(LoadedModel model) {
    return ChatTemplate.of(model.tokenizer(), model.path().toString())
        .orElseThrow(
            () ->
                new InputException(
                    "%s has no chat template, so it was not made to chat: use './rap generate' without --chat"
                        .formatted(model.path())));
  }

  /** {@return the tokens of all that was said and of {@code user}, up to the reply} */
  int[] prompt(String user) {
    List<Message> messages = new ArrayList<>();
    system.ifPresent(text -> messages.add(new Message(Role.SYSTEM, text)));
    for (Turn turn : turns) {
      messages.add(new Message(Role.USER, turn.user()));
      messages.add(new Message(Role.ASSISTANT, turn.assistant()));
    }
    messages.add(new Message(Role.USER, user));
    return template.prompt(messages);
  }

  /** Adds a turn that has ended. */
  void add(String user, String assistant) {
    turns.add(new Turn(user, assistant));
  }

  /** {@return whether there was a turn to forget} The oldest goes. */
  boolean forgetOldest() {
    return turns.poll() != null;
  }

  /** Forgets all turns. */
  void clear() {
    turns.clear();
  }
}
