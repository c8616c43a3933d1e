package dev.rap.tokenizer;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Finds added tokens in text: at one place, the longest. */
final class TokenTrie {
  private final Node root = new Node();
  private final BitSet firsts = new BitSet(); // chars that a pattern begins with

  private static final class Node {
    final Map<Character, Node> next = new HashMap<>();
    Optional<AddedToken> token = Optional.empty();
  }

  /** Adds a token that is found by {@code pattern}, which is not empty. */
  void add(String pattern, AddedToken token) {
    firsts.set(pattern.charAt(0));
    Node node = root;
    for (int i = 0; i < pattern.length(); i++) {
      node = node.next.computeIfAbsent(pattern.charAt(i), c -> new Node());
    }
    node.token = Optional.of(token);
  }

  /** A token and where its pattern ends in the text. */
  record Match(AddedToken token, int end) {}

  /** {@return the next place at which a pattern may begin; the length if there is none} */
  int candidate(String text, int start) {
    int at = start;
    while (at < text.length() && !firsts.get(text.charAt(at))) {
      at++;
    }
    return at;
  }

  /** {@return the longest pattern that begins at {@code start}} */
  Optional<Match> longest(String text, int start) {
    Optional<Match> longest = Optional.empty();
    Node node = root;
    for (int i = start; i < text.length(); i++) {
      node = node.next.get(text.charAt(i));
      if (node == null) {
        break;
      }
      if (node.token.isPresent()) {
        longest = Optional.of(new Match(node.token.get(), i + 1));
      }
    }
    return longest;
  }
}
