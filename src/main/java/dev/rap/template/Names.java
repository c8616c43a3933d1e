package dev.rap.template;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What a parser has seen of names, in order, for rules that look back. */
final class Names {
  private record Unknown(String message, int at) {}

  private final List<String> loaded = new ArrayList<>();
  private final List<Token> stored = new ArrayList<>();
  private final List<Unknown> unknown = new ArrayList<>();

  void load(String name) {
    loaded.add(name);
  }

  void store(Token name) {
    stored.add(name);
  }

  int loads() {
    return loaded.size();
  }

  int stores() {
    return stored.size();
  }

  /** {@return which of {@code names} were read since there were {@code loads} of them} */
  Set<String> loadedSince(int loads, Set<String> names) {
    Set<String> found = new HashSet<>(loaded.subList(loads, loaded.size()));
    found.retainAll(names);
    return found;
  }

  /** {@return where {@code name} was assigned to since there were {@code stores} of them, or -1} */
  int storedSince(int stores, String name) {
    return stored.subList(stores, stored.size()).stream()
        .filter(token -> token.isName(name))
        .mapToInt(Token::at)
        .findFirst()
        .orElse(-1);
  }

  /** A filter or test that does not exist. That is no error where it may not be reached. */
  void unknown(String message, int at) {
    unknown.add(new Unknown(message, at));
  }

  int unknowns() {
    return unknown.size();
  }

  void forgive(int unknowns) {
    unknown.subList(unknowns, unknown.size()).clear();
  }

  void requireKnown(int unknowns, TokenCursor cursor) {
    if (unknown.size() > unknowns) {
      Unknown first = unknown.get(unknowns);
      throw cursor.error(first.message(), first.at());
    }
  }
}
