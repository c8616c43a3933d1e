package dev.rap.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Small templates, each compared with what jinja2 makes of it, or that it fails. */
class GoldenExpressionsTest {
  @Test
  void everyExpressionIsWhatItIsInPython() {
    JsonNode golden = GoldenFile.read("expressions.golden.json");
    Map<String, JsonNode> variables = GoldenFile.variables(golden.get("variables"));
    List<String> wrong = new ArrayList<>();
    for (JsonNode oneCase : golden.get("cases")) {
      String template = oneCase.get(0).textValue();
      String expected = oneCase.get(1).textValue();
      String actual = GoldenFile.renderedOrError(template, variables);
      if (expected == null ? !actual.startsWith("ERROR line ") : !expected.equals(actual)) {
        wrong.add("%s%n  expected %s%n  was      %s".formatted(template, expected, actual));
      }
    }
    assertTrue(golden.get("cases").size() > 2000);
    assertEquals("", String.join("\n", wrong), wrong.size() + " of " + golden.get("cases").size());
  }
}
