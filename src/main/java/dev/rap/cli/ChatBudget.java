package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.engine.Engine;
import java.util.function.Supplier;

/** The memory budget of a conversation: none, until one is asked for. */
final class ChatBudget {
  private final Engine engine;
  private final Supplier<ElasticOptions.Run> begin;
  private final boolean isFixed;
  private ElasticOptions.Run run; // null without a budget
  private int tokens; // drawn in earlier replies
  private int replyTokens; // in this one

  /**
   * @param begin puts the engine within a budget that moves
   * @param isFixed whether a mask was given, which stays
   */
  ChatBudget(Engine engine, Supplier<ElasticOptions.Run> begin, boolean isFixed) {
    this.engine = engine;
    this.begin = begin;
    this.isFixed = isFixed;
  }

  /** Puts the conversation within the budget that the flags say. */
  void begin() {
    run = begin.get();
  }

  /**
   * Sets the budget while no reply is drawn; {@return what is held then, in a sentence}
   *
   * @throws InputException if {@code text} is no budget, or there is a mask that stays
   */
  String set(String text) {
    if (isFixed) {
      throw new InputException(
          "/budget and --mask or --budget exclude each other: start without them");
    }
    if (run == null) {
      begin();
    }
    run.setBudget(text);
    return state();
  }

  /** {@return what is held, in a sentence} */
  String state() {
    return run == null ? Bytes.text(engine.held().total()) + " held, no budget" : run.state();
  }

  /**
   * Runs one step.
   *
   * @param drawn tokens of this reply so far
   */
  void step(int drawn) {
    if (drawn < replyTokens) {
      tokens += replyTokens;
    }
    replyTokens = drawn;
    if (run == null) {
      engine.step();
    } else {
      run.step(tokens + drawn);
    }
  }

  /** Ends the conversation. */
  void end() {
    if (run != null) {
      run.end();
    }
  }
}
