package dev.rap.template;

import java.time.ZonedDateTime;
import java.time.format.TextStyle;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** Dates as C's {@code strftime} writes them in the C locale. */
final class Strftime {
  private Strftime() {}

  static String format(String format, ZonedDateTime time) {
    StringBuilder out = new StringBuilder();
    int at = 0;
    while (at < format.length()) {
      char c = format.charAt(at++);
      if (c != '%') {
        out.append(c);
        continue;
      }
      boolean flags = at < format.length() && "-_0^#".indexOf(format.charAt(at)) >= 0;
      char flag = flags ? format.charAt(at++) : ' ';
      if (at >= format.length()) {
        throw new Fault("the format %s ends within a directive".formatted(Text.shown(format)));
      }
      out.append(flagged(directive(format.charAt(at++), time), flag));
    }
    return out.toString();
  }

  private static String flagged(String text, char flag) {
    return switch (flag) {
      case '-' -> text.replaceFirst("^[0 ]+(?=.)", "");
      case '_' -> {
        String bare = text.replaceFirst("^0+(?=.)", "");
        yield " ".repeat(text.length() - bare.length()) + bare;
      }
      case '0' -> text.replaceFirst("^ ", "0");
      case '^', '#' -> text.toUpperCase(Locale.ROOT);
      default -> text;
    };
  }

  private static String directive(char c, ZonedDateTime time) {
    int sunday = time.getDayOfWeek().getValue() % 7;
    return switch (c) {
      case 'a' -> time.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'A' -> time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'b', 'h' -> time.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'B' -> time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'c' -> format("%a %b %e %H:%M:%S %Y", time);
      case 'C' -> two(time.getYear() / 100);
      case 'd' -> two(time.getDayOfMonth());
      case 'D', 'x' -> format("%m/%d/%y", time);
      case 'e' -> "%2d".formatted(time.getDayOfMonth());
      case 'f' -> "%06d".formatted(time.getNano() / 1000);
      case 'F' -> format("%Y-%m-%d", time);
      case 'g' -> two(time.get(IsoFields.WEEK_BASED_YEAR) % 100);
      case 'G' -> String.valueOf(time.get(IsoFields.WEEK_BASED_YEAR));
      case 'H' -> two(time.getHour());
      case 'I' -> two(time.get(ChronoField.CLOCK_HOUR_OF_AMPM));
      case 'j' -> "%03d".formatted(time.getDayOfYear());
      case 'k' -> "%2d".formatted(time.getHour());
      case 'l' -> "%2d".formatted(time.get(ChronoField.CLOCK_HOUR_OF_AMPM));
      case 'm' -> two(time.getMonthValue());
      case 'M' -> two(time.getMinute());
      case 'n' -> "\n";
      case 'p' -> time.getHour() < 12 ? "AM" : "PM";
      case 'P' -> time.getHour() < 12 ? "am" : "pm";
      case 'r' -> format("%I:%M:%S %p", time);
      case 'R' -> format("%H:%M", time);
      case 's' -> String.valueOf(time.toEpochSecond());
      case 'S' -> two(time.getSecond());
      case 't' -> "\t";
      case 'T', 'X' -> format("%H:%M:%S", time);
      case 'u' -> String.valueOf(time.getDayOfWeek().getValue());
      case 'U' -> two((time.getDayOfYear() + 6 - sunday) / 7);
      case 'V' -> two(time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
      case 'w' -> String.valueOf(sunday);
      case 'W' -> two((time.getDayOfYear() + 6 - (sunday + 6) % 7) / 7);
      case 'y' -> two(time.getYear() % 100);
      case 'Y' -> String.valueOf(time.getYear());
      case 'z', 'Z' -> ""; // the time has no zone in Python
      case '%' -> "%";
      default -> throw new Fault("strftime_now does not know %%%c".formatted(c));
    };
  }

  private static String two(int number) {
    return "%02d".formatted(number);
  }
}
