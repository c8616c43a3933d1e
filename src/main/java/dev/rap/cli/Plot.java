package dev.rap.cli;

import dev.rap.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.knowm.xchart.ChartEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Curves in a PNG file. */
final class Plot {
  private static final int WIDTH = 1000;
  private static final int HEIGHT = 600;

  private final XYChart chart;

  Plot(String title, String xTitle, String yTitle) {
    chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(xTitle)
            .yAxisTitle(yTitle)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setChartBackgroundColor(java.awt.Color.WHITE);
  }

  /** Sets the y axis to a logarithmic scale. */
  Plot logarithmic() {
    chart.getStyler().setYAxisLogarithmic(true);
    return this;
  }

  /** Begins the y axis at zero. */
  Plot fromZero() {
    chart.getStyler().setYAxisMin(0.0);
    return this;
  }

  /** Adds a curve. One without points is left out. */
  Plot curve(String name, List<Double> x, List<Double> y, boolean marked) {
    if (!x.isEmpty()) {
      var series = chart.addSeries(name, x, y);
      if (!marked) {
        series.setMarker(SeriesMarkers.NONE);
      }
    }
    return this;
  }

  /**
   * Writes the file.
   *
   * @throws InputException if it cannot be written
   */
  void write(Path file) {
    try {
      byte[] png = ChartEncoder.getBytes(chart, "png");
      OutputFile.write(file, png);
    } catch (IOException e) {
      throw new InputException("the plot %s cannot be made: %s".formatted(file, e.getMessage()), e);
    }
  }
}
