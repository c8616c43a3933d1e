package dev.rap.tokenizer;

import java.util.Arrays;

/** A number for each of many texts, found char by char: a hash table of the edges of a tree. */
final class TextTrie {
  static final int ROOT = 0;
  static final int NONE = -1;

  // Open addressing, linear probing, at most half full. An edge is a node and a char.
  private long[] edges = filled(1 << 10);
  private int[] targets = new int[1 << 10];
  private int[] values = {NONE}; // by node
  private int nodes = 1;

  private static long[] filled(int slots) {
    long[] edges = new long[slots];
    Arrays.fill(edges, NONE);
    return edges;
  }

  void add(String text, int value) {
    int node = ROOT;
    for (int i = 0; i < text.length(); i++) {
      int slot = slot(edge(node, text.charAt(i)));
      if (edges[slot] == NONE) {
        slot = grow(node, text.charAt(i));
      }
      node = targets[slot];
    }
    values[node] = value;
  }

  private int grow(int node, char c) {
    if (nodes == values.length) {
      values = Arrays.copyOf(values, nodes * 2);
    }
    values[nodes] = NONE;
    if (nodes * 2 >= edges.length) {
      rehash();
    }
    int slot = slot(edge(node, c));
    edges[slot] = edge(node, c);
    targets[slot] = nodes++;
    return slot;
  }

  private void rehash() {
    long[] oldEdges = edges;
    int[] oldTargets = targets;
    edges = filled(oldEdges.length * 2);
    targets = new int[edges.length];
    for (int i = 0; i < oldEdges.length; i++) {
      if (oldEdges[i] != NONE) {
        int slot = slot(oldEdges[i]);
        edges[slot] = oldEdges[i];
        targets[slot] = oldTargets[i];
      }
    }
  }

  /** {@return the node behind {@code c}, or {@link #NONE}} */
  int next(int node, char c) {
    int slot = slot(edge(node, c));
    return edges[slot] == NONE ? NONE : targets[slot];
  }

  /** {@return the number of the text that ends at a node, or {@link #NONE}} */
  int value(int node) {
    return values[node];
  }

  /** {@return the number of a text, or {@link #NONE}} */
  int find(String text, int start, int end) {
    int node = ROOT;
    for (int i = start; i < end && node != NONE; i++) {
      node = next(node, text.charAt(i));
    }
    return node == NONE ? NONE : value(node);
  }

  private int slot(long edge) {
    int mask = edges.length - 1;
    int slot = Scatter.of(edge) & mask;
    while (edges[slot] != NONE && edges[slot] != edge) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private static long edge(int node, char c) {
    return ((long) node << 16) | c;
  }
}
