package dev.rap.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates that would take all time or memory there is end in an error, soon. */
@Timeout(60)
class HostileTemplatesTest {
  private static final int MUTANTS = 400;

  private static Stream<String> endless() {
    return Stream.of(
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{{ range(10 ** 12) | list | length }}",
        "{{ 'a' * 10 ** 10 }}",
        "{{ 'a' | center(10 ** 10) }}",
        "{% set x = 'a' * 1000000 %}{% for i in range(1000000) %}{{ x }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set ns = namespace(s='ab') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(64) %}"
            + "{% set ns.s = ns.s | replace('', ns.s) %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(64) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(n=10) %}{% for i in range(64) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ [[]] | tojson(indent=1000000000) }}",
        "{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}",
        "{{ " + "not ".repeat(100_000) + "x }}",
        "{{ x" + ".y".repeat(100_000) + " }}",
        "{% macro m() %}{% for i in [1] %}{% if i %}{% with a = 1 %}{% set b %}{% filter upper %}"
            + "{{ m() }}{% endfilter %}{% endset %}{% endwith %}{% endif %}{% endfor %}{% endmacro %}"
            + "{{ m() }}",
        "{% set ns = namespace(g=[1]) %}{% for i in range(100000) %}"
            + "{% set ns.g = ns.g | map('string') %}{% endfor %}{{ ns.g | list }}",
        "{% set ns = namespace(s='ab') %}{% for i in range(64) %}"
            + "{% set ns.s = '{0}{0}'.format(ns.s) %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}"
            + "{% set ns.l = ns.l + [range(100000) | list] %}{% endfor %}",
        "{{ (['A' * 1000000] * 1000) | sort | length }}",
        "{{ (['A' * 1000000] * 1000) | unique | list | length }}",
        "{{ ('%' ~ '9' * 4000000 ~ 'd') % 1 }}",
        "{{ ('{' ~ '9' * 4000000 ~ '}').format(1) }}",
        "{% if x %}".repeat(20_000) + "{% endif %}".repeat(20_000));
  }

  @ParameterizedTest
  @MethodSource("endless")
  void endsInAnError(String template) {
    assertThrows(TemplateException.class, () -> Template.of(template).render(Map.of()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ ('\u03a3' * 40000) | lower | length }}",
        "{{ ('\u03a3' * 40000).lower() | length }}",
        "{{ ('ab' * 30000000) | last | replace('b', '40000') }}",
        "{{ 'ab' * 20000 }}{{ ('a ' * 200000).rsplit() | length }}"
      })
  @Timeout(5)
  void whatAMessageMayHoldTakesNoLongerThanItIsLong(String template) {
    String text = Template.of(template).render(Map.of());
    assertTrue(text.endsWith("40000") || text.endsWith("200000"), text);
  }

  @Test
  @Timeout(5)
  void manyParametersTakeNoLongerThanTheyAre() {
    String parameters =
        IntStream.range(0, 100_000).mapToObj(i -> "a" + i).collect(Collectors.joining(", "));
    String macro = "{% macro m(" + parameters + ") %}{{ a99999 }}{% endmacro %}";
    assertEquals("x", Template.of(macro + "{{ m(a99999='x') }}").render(Map.of()));
  }

  // Characters that mean something to Jinja are put in, and parts left out or doubled.
  @ParameterizedTest
  @ValueSource(
      strings = {"bars", "chatml-tools", "headers-tools", "inst-tools", "typescript-tools"})
  void aDamagedTemplateIsRenderedOrRefused(String name) {
    String sound = GoldenFile.text("chat/" + name + ".jinja");
    Random random = new Random(7);
    Map<String, Object> variables =
        Map.of("messages", List.of(Map.of("role", "user", "content", "x")));
    for (int i = 0; i < MUTANTS; i++) {
      StringBuilder damaged = new StringBuilder(sound);
      for (int j = random.nextInt(4); j >= 0; j--) {
        int from = random.nextInt(damaged.length());
        int to = Math.min(damaged.length(), from + random.nextInt(30));
        switch (random.nextInt(3)) {
          case 0 -> damaged.delete(from, to);
          case 1 -> damaged.insert(from, damaged.substring(from, to));
          default -> damaged.insert(from, "{}%#'\"|.-[](),:~*/".charAt(random.nextInt(18)));
        }
      }
      GoldenFile.renderedOrError(damaged.toString(), variables);
    }
  }
}
