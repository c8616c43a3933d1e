package dev.rap.cli;

import dev.rap.eval.PolicyComparison.Row;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** What policies made of budgets, as a table and as a plot. */
final class PolicyReport {
  private PolicyReport() {}

  /** {@return perplexities, a row a policy and a column a budget} */
  static Table table(List<Row> rows) {
    List<Double> shares =
        new ArrayList<>(new LinkedHashSet<>(rows.stream().map(Row::share).toList()));
    List<String> headers = new ArrayList<>(List.of("policy"));
    shares.forEach(share -> headers.add(Math.round(share * 100) + " %"));
    headers.add("decides in");
    Table table = new Table(headers.toArray(String[]::new));
    for (String policy : policies(rows)) {
      List<Object> cells = new ArrayList<>(List.of(policy));
      double micros = 0;
      for (double share : shares) {
        Row row =
            rows.stream()
                .filter(r -> r.policy().equals(policy) && r.share() == share)
                .findFirst()
                .orElse(null);
        cells.add(row == null ? "" : String.format(Locale.ROOT, "%.2f", row.perplexity()));
        micros = row == null ? micros : Math.max(micros, row.decisionMicros());
      }
      cells.add(String.format(Locale.ROOT, "%.0f µs", micros));
      table.row(cells.toArray());
    }
    return table;
  }

  /** {@return perplexity over budget, a curve a policy} */
  static Plot plot(List<Row> rows, double densePerplexity) {
    Plot plot =
        new Plot(
                "Perplexity under a memory budget (dense: %.2f)".formatted(densePerplexity),
                "budget, % of the dense model",
                "perplexity")
            .logarithmic();
    for (String policy : policies(rows)) {
      List<Row> own = rows.stream().filter(row -> row.policy().equals(policy)).toList();
      plot.curve(
          policy,
          own.stream().map(row -> row.share() * 100).toList(),
          own.stream().map(Row::perplexity).toList(),
          true);
    }
    return plot;
  }

  private static Set<String> policies(List<Row> rows) {
    return new LinkedHashSet<>(rows.stream().map(Row::policy).toList());
  }
}
