package dev.rap.template;

import java.util.List;
import java.util.Locale;

/** What {@code keys()}, {@code values()} and {@code items()} of a dict give. */
record DictView(Kind kind, Dict dict) {
  enum Kind {
    KEYS,
    VALUES,
    ITEMS;

    String typeName() {
      return "dict_" + name().toLowerCase(Locale.ROOT);
    }
  }

  List<Object> items() {
    return dict.entries().stream()
        .map(
            entry ->
                switch (kind) {
                  case KEYS -> entry.getKey();
                  case VALUES -> entry.getValue();
                  case ITEMS -> Tuple.of(entry.getKey(), entry.getValue());
                })
        .toList();
  }
}
