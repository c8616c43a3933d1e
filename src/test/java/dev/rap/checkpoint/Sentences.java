package dev.rap.checkpoint;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.InputException;
import java.nio.file.Path;
import org.junit.jupiter.api.function.Executable;

/** What every refusal must be like. */
public final class Sentences {
  private Sentences() {}

  /** Asserts that {@code action} is refused in one sentence that has all of {@code parts}. */
  public static void assertRefused(Path path, Executable action, String... parts) {
    String message = assertThrows(InputException.class, action).getMessage();
    assertSentence(path, message);
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "lacks \"" + part + "\": " + message);
    }
  }

  /** Asserts that {@code message} starts with the path, and has one line of sensible length. */
  public static void assertSentence(Path path, String message) {
    assertAll(
        () -> assertTrue(message.startsWith(path.toString()), message),
        () -> assertTrue(message.length() < path.toString().length() + 600, message),
        () -> assertTrue(message.substring(path.toString().length()).contains(": "), message),
        () -> assertFalse(message.codePoints().anyMatch(Character::isISOControl), message),
        () -> assertFalse(message.contains("null"), message),
        () -> assertFalse(message.contains("Exception"), message));
  }
}
