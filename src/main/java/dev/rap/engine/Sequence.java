package dev.rap.engine;

import dev.rap.kv.BlockTable;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Set;

/** One request: its tokens, and where their keys and values lie. */
public final class Sequence {

  /** Where a sequence stands. */
  public enum Status {
    /** For KvBlocks. Nothing of it is cached. */
    WAITING,
    RUNNING,
    FINISHED
  }

  /** Why a sequence ended. */
  public enum FinishReason {
    /** It drew an end token. */
    END,
    /** It drew as many tokens as were asked for. */
    LENGTH,
    /** The context is full. */
    CONTEXT,
    /** There is no memory for its next token. */
    MEMORY,
    /** Whoever submitted it asked for it. */
    CANCELLED
  }

  private final Sampler sampler;
  private final int[] endTokens; // ascending
  private final int promptTokens;
  private final int maxTokens;
  private final BlockTable table = new BlockTable();
  private final byte[] present; // [L, K]

  private int[] tokens;
  private int length;
  private int cached;
  private Status status = Status.WAITING;
  private FinishReason finishReason;

  Sequence(
      ModelConfig config, int[] prompt, Sampler sampler, int maxTokens, Set<Integer> endTokens) {
    this.sampler = sampler;
    this.endTokens = endTokens.stream().mapToInt(Integer::intValue).sorted().toArray();
    this.promptTokens = prompt.length;
    this.maxTokens = maxTokens;
    this.tokens = Arrays.copyOf(prompt, prompt.length + 16);
    this.length = prompt.length;
    this.present = new byte[config.layers() * config.kvHeads()];
  }

  public Status status() {
    return status;
  }

  /**
   * {@return why it ended}
   *
   * @throws IllegalStateException if it has not
   */
  public FinishReason finishReason() {
    if (status != Status.FINISHED) {
      throw new IllegalStateException("the sequence is still " + status);
    }
    return finishReason;
  }

  /** {@return prompt and drawn tokens together} */
  public int length() {
    return length;
  }

  public int promptTokens() {
    return promptTokens;
  }

  /** {@return the token at {@code position}} */
  public int token(int position) {
    if (position < 0 || position >= length) {
      throw new IllegalArgumentException(
          "position must be in [0, %d), was %d".formatted(length, position));
    }
    return tokens[position];
  }

  /** {@return tokens whose keys and values are in the cache} */
  public int cachedTokens() {
    return cached;
  }

  int[] tokens() {
    return tokens;
  }

  BlockTable table() {
    return table;
  }

  byte[] present() {
    return present;
  }

  /** {@return how its tokens are drawn} */
  public SamplingOptions sampling() {
    return sampler.options();
  }

  /** {@return the next of its random numbers, in [0, 1): one is used for each token drawn} */
  public double nextUniform() {
    return sampler.nextUniform();
  }

  /**
   * {@return its next token}
   *
   * @param logits float {@code [rows, V]}
   */
  public int sample(MemorySegment logits, int row) {
    return sampler.sample(logits, row, tokens, length);
  }

  void begin(RetentionMask mask) {
    status = Status.RUNNING;
    maskChanged(mask);
  }

  // Keys of a head group are complete only if it ran for every token so far.
  void maskChanged(RetentionMask mask) {
    if (cached == 0) {
      Arrays.fill(present, (byte) 1);
    }
    int headGroups = mask.shape().headGroups();
    for (int layer = 0; layer < mask.shape().layers(); layer++) {
      Sublayer attention = new Sublayer(layer, Sublayer.Kind.ATTENTION);
      for (int group = 0; group < headGroups; group++) {
        if (!mask.retains(attention, group)) {
          present[layer * headGroups + group] = 0;
        }
      }
    }
  }

  /** {@return whether keys and values are missing of a head group that {@code mask} retains} */
  boolean lacks(RetentionMask mask) {
    int headGroups = mask.shape().headGroups();
    for (int i = 0; i < present.length; i++) {
      Sublayer attention = new Sublayer(i / headGroups, Sublayer.Kind.ATTENTION);
      if (present[i] == 0 && mask.retains(attention, i % headGroups)) {
        return true;
      }
    }
    return false;
  }

  void preempt() {
    status = Status.WAITING;
    cached = 0;
  }

  void advance(int count) {
    cached += count;
  }

  /** Takes a drawn token; ends the sequence if it was the last. */
  void append(int token, int contextLength) {
    if (length == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * length);
    }
    tokens[length++] = token;
    if (Arrays.binarySearch(endTokens, token) >= 0) {
      finish(FinishReason.END);
    } else if (length - promptTokens == maxTokens) {
      finish(FinishReason.LENGTH);
    } else if (length == contextLength) {
      finish(FinishReason.CONTEXT);
    }
  }

  void finish(FinishReason reason) {
    status = Status.FINISHED;
    finishReason = reason;
  }
}
