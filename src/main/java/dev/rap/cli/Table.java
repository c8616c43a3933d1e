package dev.rap.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Rows of text under headers. A column whose cells all start with a digit is set to the right. */
final class Table {
  private static final String GAP = "  ";

  private final List<String> headers;
  private final List<List<String>> rows = new ArrayList<>();

  Table(String... headers) {
    this.headers = List.of(headers);
  }

  /** Adds a row of one cell a header. */
  Table row(Object... cells) {
    if (cells.length != headers.size()) {
      throw new IllegalArgumentException(
          "a row must have %d cells, had %d".formatted(headers.size(), cells.length));
    }
    List<String> row = new ArrayList<>();
    for (Object cell : cells) {
      row.add(cell.toString());
    }
    rows.add(row);
    return this;
  }

  void print(PrintWriter out) {
    printRow(out, headers);
    rows.forEach(row -> printRow(out, row));
  }

  private void printRow(PrintWriter out, List<String> row) {
    StringBuilder line = new StringBuilder();
    for (int column = 0; column < row.size(); column++) {
      String cell = row.get(column);
      String padding = " ".repeat(width(column) - cell.length());
      line.append(isNumeric(column) ? padding + cell : cell + padding).append(GAP);
    }
    out.println(line.toString().stripTrailing());
  }

  private int width(int column) {
    int width = headers.get(column).length();
    for (List<String> row : rows) {
      width = Math.max(width, row.get(column).length());
    }
    return width;
  }

  private boolean isNumeric(int column) {
    return rows.stream()
        .map(row -> row.get(column))
        .allMatch(cell -> cell.isEmpty() || Character.isDigit(cell.charAt(0)));
  }
}
