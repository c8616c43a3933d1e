package dev.rap;

import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Test;

/** Packages may use only the packages named here. Asks {@code jdeps}, which comes with the JDK. */
class PackageDirectionTest {
  // Every package may use dev.rap itself, which holds InputException.
  private static final Map<String, Set<String>> MAY_USE =
      Map.ofEntries(
          entry("dev.rap", Set.of()),
          entry("dev.rap.tensor", Set.of()),
          entry("dev.rap.natives", Set.of()),
          entry("dev.rap.dqn", Set.of()),
          entry("dev.rap.hub", Set.of()),
          entry("dev.rap.kernels", Set.of("tensor", "natives", "kernels.reference")),
          entry("dev.rap.kernels.reference", Set.of("tensor", "kernels")),
          entry("dev.rap.checkpoint", Set.of("tensor")),
          entry("dev.rap.regex", Set.of()),
          entry("dev.rap.tokenizer", Set.of("regex", "template", "checkpoint")),
          entry("dev.rap.model", Set.of("tensor", "kernels", "checkpoint")),
          entry("dev.rap.kv", Set.of("natives", "kernels", "model")),
          entry("dev.rap.memory", Set.of("tensor", "model")),
          entry("dev.rap.pruning", Set.of("tensor", "model", "memory", "dqn")),
          entry(
              "dev.rap.engine",
              Set.of(
                  "tensor",
                  "natives",
                  "kernels",
                  "kv",
                  "checkpoint",
                  "tokenizer",
                  "model",
                  "memory",
                  "pruning")),
          entry(
              "dev.rap.cuda",
              Set.of("tensor", "natives", "kernels", "kv", "model", "memory", "engine")),
          entry(
              "dev.rap.eval",
              Set.of("tokenizer", "kernels", "kv", "model", "memory", "pruning", "engine")),
          entry(
              "dev.rap.cli",
              Set.of(
                  "tensor",
                  "natives",
                  "hub",
                  "kernels",
                  "checkpoint",
                  "tokenizer",
                  "model",
                  "kv",
                  "memory",
                  "dqn",
                  "pruning",
                  "engine",
                  "eval",
                  "cuda")));

  private static final Pattern USE =
      Pattern.compile("^\\s*(dev\\.rap[\\w.]*)\\s+->\\s+(dev\\.rap[\\w.]*)");

  @Test
  void packagesPointOneWay() {
    StringWriter out = new StringWriter();
    PrintWriter writer = new PrintWriter(out);
    int status =
        ToolProvider.findFirst("jdeps")
            .orElseThrow()
            .run(
                writer,
                writer,
                "-verbose:package",
                "--ignore-missing-deps",
                "--multi-release",
                "25",
                "target/classes");
    writer.flush();
    assertEquals(0, status, out::toString);

    List<String> forbidden = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    for (String line : out.toString().lines().toList()) {
      var use = USE.matcher(line);
      if (use.find()) {
        String from = use.group(1);
        String to = use.group(2);
        seen.add(from);
        boolean allowed =
            to.equals("dev.rap")
                || MAY_USE.getOrDefault(from, Set.of()).contains(to.substring("dev.rap.".length()));
        if (!allowed) {
          forbidden.add(from + " -> " + to);
        }
      }
    }
    assertTrue(seen.contains("dev.rap.memory"), "jdeps reported no use at all:\n" + out);
    assertEquals(List.of(), forbidden);
  }
}
