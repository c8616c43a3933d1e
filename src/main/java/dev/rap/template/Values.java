package dev.rap.template;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Java's and Jackson's values as those of a template. */
final class Values {
  private Values() {}

  static Object of(Object value, Budget budget) {
    budget.step();
    return switch (value) {
      case null -> None.NONE;
      case JsonNode node -> of(node, budget);
      case Boolean flag -> flag;
      case BigInteger number -> number;
      case Integer number -> BigInteger.valueOf(number);
      case Long number -> BigInteger.valueOf(number);
      case Short number -> BigInteger.valueOf(number);
      case Byte number -> BigInteger.valueOf(number);
      case BigDecimal number -> number.doubleValue();
      case Number number -> number.doubleValue();
      case CharSequence text -> text.toString();
      case Map<?, ?> map -> dict(map, budget);
      case Iterable<?> items -> list(items, budget);
      default -> throw new Fault("a %s is no value".formatted(value.getClass().getName()));
    };
  }

  private static Object of(JsonNode node, Budget budget) {
    return switch (node.getNodeType()) {
      case BOOLEAN -> node.booleanValue();
      case NUMBER -> node.isIntegralNumber() ? node.bigIntegerValue() : (Object) node.doubleValue();
      case STRING -> node.textValue();
      case ARRAY -> list(node, budget);
      case OBJECT -> {
        Dict dict = new Dict();
        budget.enter();
        node.properties()
            .forEach(entry -> dict.put(entry.getKey(), of(entry.getValue(), budget), budget));
        budget.leave();
        yield dict;
      }
      default -> None.NONE;
    };
  }

  private static List<Object> list(Iterable<?> items, Budget budget) {
    budget.enter();
    List<Object> list = new ArrayList<>();
    items.forEach(item -> list.add(of(item, budget)));
    budget.leave();
    return list;
  }

  private static Dict dict(Map<?, ?> map, Budget budget) {
    budget.enter();
    Dict dict = new Dict();
    map.forEach((key, value) -> dict.put(of(key, budget), of(value, budget), budget));
    budget.leave();
    return dict;
  }
}
