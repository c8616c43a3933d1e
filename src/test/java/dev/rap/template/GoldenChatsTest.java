package dev.rap.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Templates in the manner of the model families, each with conversations, as in Python. */
class GoldenChatsTest {
  private static final JsonNode GOLDEN = GoldenFile.read("chats.golden.json");

  private static Stream<Arguments> cases() {
    return GOLDEN
        .get("cases")
        .valueStream()
        .map(
            one ->
                Arguments.of(
                    one.get(0).textValue(), one.get(1).textValue(), one.get(2).textValue()));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("cases")
  void everyChatIsWhatItIsInPython(String template, String conversation, String expected) {
    Map<String, JsonNode> variables = GoldenFile.variables(GOLDEN.get("tokens"));
    variables.putAll(GoldenFile.variables(GOLDEN.get("conversations").get(conversation)));
    String actual = GoldenFile.renderedOrError(GoldenFile.text("chat/" + template), variables);
    if (expected == null) {
      assertTrue(actual.startsWith("ERROR line "), actual);
    } else {
      assertEquals(expected, actual);
    }
  }
}
