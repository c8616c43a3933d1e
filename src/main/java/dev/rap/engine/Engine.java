package dev.rap.engine;

import dev.rap.InputException;
import dev.rap.kv.KvBlockPool;
import dev.rap.kv.StepBatch;
import dev.rap.memory.MemoryModel;
import dev.rap.memory.MemoryUse;
import dev.rap.memory.Workload;
import dev.rap.model.MeanInputs;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Generates tokens for several sequences at once, under a mask that may change between steps.
 *
 * <p>When KvBlocks run out, the sequence that began last goes back to wait and is computed anew
 * later: no sequence fails for want of memory.
 */
public final class Engine implements AutoCloseable {

  /**
   * What an engine is made for.
   *
   * @param maxSequences that run at once
   * @param contextLength most tokens of a sequence
   * @param kvTokens tokens that the KV cache holds, of all sequences together; at least {@code
   *     contextLength}
   */
  public record Options(int maxSequences, int contextLength, int kvTokens) {
    public Options {
      if (maxSequences < 1 || contextLength < 1 || kvTokens < contextLength) {
        throw new IllegalArgumentException(
            "need maxSequences >= 1 and 1 <= contextLength <= kvTokens, were %d, %d, %d"
                .formatted(maxSequences, contextLength, kvTokens));
      }
    }

    /** {@return options for one sequence} */
    public static Options single(int contextLength) {
      return new Options(1, contextLength, contextLength);
    }
  }

  private final ModelConfig config;
  private final Options options;
  private final ModelRunner runner;
  private final Deque<Sequence> waiting = new ArrayDeque<>();
  private final List<Sequence> running = new ArrayList<>(); // in order of their beginning
  private final List<Sequence> stepped = new ArrayList<>(); // that take part in this step
  private final List<Sequence> drawing = new ArrayList<>(); // whose next token this step gives
  private final int[] lastRows; // of the step, one a sequence that draws
  private final int[] drawn;
  private boolean starved; // whether no sequence could run in the last step

  public Engine(Backend backend, Options options) {
    this(backend, options, stepTokens(backend, options));
  }

  // As MemoryModel counts the workspace. Every token of a step has a slot in the KV cache.
  private static int stepTokens(Backend backend, Options options) {
    int usual = backend.storage().stepTokens();
    return Math.min(options.kvTokens(), Math.max(usual, options.maxSequences()));
  }

  /**
   * @param stepTokens most tokens of a step: a longer prompt takes several
   */
  Engine(Backend backend, Options options, int stepTokens) {
    this.options = options;
    this.runner =
        backend.newRunner(
            new ModelRunner.Limits(
                stepTokens,
                options.maxSequences(),
                options.contextLength(),
                options.kvTokens(),
                options.maxSequences()));
    this.config = runner.config();
    this.lastRows = new int[options.maxSequences()];
    this.drawn = new int[options.maxSequences()];
  }

  /** {@return the mask in force} */
  public RetentionMask mask() {
    return runner.mask();
  }

  /** {@return the most tokens of a sequence} */
  public int contextLength() {
    return options.contextLength();
  }

  /**
   * Queues a sequence.
   *
   * @param prompt at least one token
   * @param maxTokens to draw, at most
   * @param endTokens that end it
   * @throws InputException if the prompt is empty, leaves no room for a token, or has tokens that
   *     the model does not know
   */
  public Sequence submit(
      int[] prompt, SamplingOptions sampling, int maxTokens, Set<Integer> endTokens) {
    if (prompt.length == 0) {
      throw new InputException("the prompt is empty: give at least one token");
    }
    if (prompt.length >= options.contextLength()) {
      throw new InputException(
          "the prompt has %d tokens, but the context holds %d and one must be left to draw: shorten it or raise the context"
              .formatted(prompt.length, options.contextLength()));
    }
    config.requireTokens("the prompt", prompt);
    if (maxTokens < 1) {
      throw new IllegalArgumentException("maxTokens must be positive, was " + maxTokens);
    }
    Sampler sampler = new Sampler(sampling, config.vocabularySize());
    Sequence sequence = new Sequence(config, prompt, sampler, maxTokens, endTokens);
    waiting.add(sequence);
    return sequence;
  }

  /** Ends a sequence. One that has ended stays as it is. */
  public void cancel(Sequence sequence) {
    end(sequence, Sequence.FinishReason.CANCELLED);
  }

  private void end(Sequence sequence, Sequence.FinishReason reason) {
    if (waiting.remove(sequence) || running.remove(sequence)) {
      runner.pool().release(sequence.table());
      sequence.finish(reason);
    }
  }

  /** {@return whether sequences run or wait} */
  public boolean busy() {
    return !running.isEmpty() || !waiting.isEmpty();
  }

  /**
   * Runs one step: a token of each sequence that generates, then as much of the prompts as there is
   * room for.
   *
   * @return tokens that went through the model; 0 if there was nothing to do
   */
  public int step() {
    admit();
    StepBatch batch = runner.batch();
    batch.clear();
    stepped.clear();
    drawing.clear();
    schedule(true);
    schedule(false);
    int tokens = batch.tokens();
    starved = tokens == 0 && !running.isEmpty();
    if (tokens > 0) {
      runner.run();
      draw();
    }
    return tokens;
  }

  // What the running ones still lack for their tokens so far is theirs: a newcomer that took it
  // would be sent back, or hold up a long prompt.
  private void admit() {
    KvBlockPool pool = runner.pool();
    int unclaimed = pool.freeBlocks();
    for (Sequence sequence : running) {
      unclaimed -= pool.blocksFor(sequence.length() + 1) - sequence.table().blocks();
    }
    while (running.size() < options.maxSequences() && !waiting.isEmpty()) {
      Sequence next = waiting.peek();
      int needed = pool.blocksFor(next.length() + 1);
      if (!running.isEmpty() && unclaimed < needed) {
        return;
      }
      unclaimed -= needed;
      waiting.remove();
      next.begin(mask());
      running.add(next);
    }
  }

  // A sequence generates when all but its last token are cached.
  private void schedule(boolean generating) {
    StepBatch batch = runner.batch();
    for (int i = 0; i < running.size() && batch.room() > 0; i++) {
      Sequence sequence = running.get(i);
      int missing = sequence.length() - sequence.cachedTokens();
      if ((missing == 1) != generating || stepped.contains(sequence)) {
        continue;
      }
      int count = Math.min(missing, batch.room());
      if (!reserve(sequence, sequence.cachedTokens() + count)) {
        continue;
      }
      batch.add(
          sequence.tokens(), sequence.cachedTokens(), count, sequence.table(), sequence.present());
      stepped.add(sequence);
      sequence.advance(count);
      if (count == missing) { // else the rest of its prompt comes first
        lastRows[drawing.size()] = batch.tokens() - 1;
        drawing.add(sequence);
      }
    }
  }

  // Makes room by sending back sequences that began later; gives up its own turn if there is none.
  private boolean reserve(Sequence sequence, int tokens) {
    while (!runner.pool().reserve(sequence.table(), tokens)) {
      Sequence last = running.getLast();
      if (last == sequence || stepped.contains(last)) {
        return false;
      }
      preempt(last);
    }
    return true;
  }

  private void preempt(Sequence sequence) {
    running.remove(sequence);
    runner.pool().release(sequence.table());
    sequence.preempt();
    waiting.addFirst(sequence);
  }

  private void draw() {
    if (drawing.isEmpty()) {
      return;
    }
    runner.draw(lastRows, drawing, drawn);
    for (int i = 0; i < drawing.size(); i++) {
      Sequence sequence = drawing.get(i);
      sequence.append(drawn[i], options.contextLength());
      if (sequence.status() == Sequence.Status.FINISHED) {
        running.remove(sequence);
        runner.pool().release(sequence.table());
      }
    }
  }

  /**
   * Changes the mask, from the next step on. Keys and values of head groups that are dropped are
   * lost: if such a group returns, sequences that have begun go on without it.
   *
   * @param means if present, the mean contribution of what is dropped is added in its place
   */
  public void setMask(RetentionMask mask, Optional<MeanInputs> means) {
    runner.setMask(mask, means);
    for (Sequence sequence : running) {
      sequence.maskChanged(mask);
    }
  }

  /**
   * Lets go of the memory of what the mask drops, which is given back while steps run; see {@link
   * #work}.
   */
  public void reclaim() {
    runner.reclaim();
  }

  /**
   * Begins to bring back what {@code mask} needs, while steps run.
   *
   * @return whether all is there, so that {@link #setMask} need not wait for it
   */
  public boolean prefetch(RetentionMask mask) {
    return runner.prefetch(mask);
  }

  /**
   * Asks for room for so many KV tokens, of all sequences together. Sequences that began last go
   * back to wait if there is too little, but one always keeps what it has.
   *
   * @return whether there is so much room now, and no more; if not, ask again after some steps
   */
  public boolean resizeKv(int tokens) {
    KvBlockPool pool = runner.pool();
    int blocks = Math.clamp(pool.blocksFor(tokens), 1, runner.limits().blocks());
    while (running.size() > 1 && pool.blocks() - pool.freeBlocks() > blocks) {
      preempt(running.getLast());
    }
    int kept = Math.max(blocks, pool.blocks() - pool.freeBlocks());
    return runner.resizeKv(kept, running.stream().map(Sequence::table).toList()) && kept == blocks;
  }

  /**
   * Does one piece of what {@link #reclaim}, {@link #prefetch} and {@link #resizeKv} began. Steps
   * do it too.
   *
   * @return whether something was done
   */
  public boolean work() {
    return runner.work();
  }

  /** {@return whether all of that is done} */
  public boolean isSettled() {
    return runner.isSettled();
  }

  /** {@return bytes of memory that are held now} */
  public MemoryUse held() {
    return runner.held();
  }

  /**
   * {@return bytes that are held with nothing given up: those held now, and what {@code memory}
   * counts of what the mask drops}
   *
   * @param memory of the engine's model and of masks such as the one in force
   */
  public long wholeBytes(MemoryModel memory) {
    Workload full = new Workload(1, kvTokens());
    long dropped = memory.denseUse(full).weightsAndKv() - memory.use(mask(), full).weightsAndKv();
    return held().total() + dropped;
  }

  /** {@return how many bytes could be held now; empty where nobody else takes of them} */
  public OptionalLong available() {
    return runner.available();
  }

  /** {@return KV tokens that there is room for, of all sequences together} */
  public int kvTokens() {
    return runner.pool().blocks() * runner.pool().blockSize();
  }

  /**
   * What sequences ask for now.
   *
   * @param sequences that run or wait, as many as may run at once
   * @param tokens that these have, cached or not
   * @param longest tokens of one of them
   */
  public record Demand(int sequences, long tokens, int longest) {}

  /** {@return what sequences ask for now} */
  public Demand demand() {
    int sequences = 0;
    long tokens = 0;
    int longest = 0;
    for (Collection<Sequence> some : List.of(running, waiting)) {
      for (Sequence sequence : some) {
        if (sequences < options.maxSequences()) {
          sequences++;
          tokens += sequence.length();
          longest = Math.max(longest, sequence.length());
        }
      }
    }
    return new Demand(sequences, tokens, longest);
  }

  /**
   * {@return the sequence that waits for memory which no other has, if none could run in the last
   * step}
   */
  public Optional<Sequence> starved() {
    return starved && !running.isEmpty() ? Optional.of(running.getFirst()) : Optional.empty();
  }

  /** Ends a sequence for which there is no memory. */
  public void refuse(Sequence sequence) {
    end(sequence, Sequence.FinishReason.MEMORY);
  }

  /**
   * Sends running sequences back that lack keys and values of head groups in force, which have
   * returned since: computed anew, they have them again.
   */
  public void recompute() {
    for (Sequence sequence : List.copyOf(running).reversed()) {
      if (sequence.lacks(mask())) {
        preempt(sequence);
      }
    }
  }

  /** {@return kernels that the last step launched at once, as a graph; 0 if it did not} */
  public int graphKernels() {
    return runner.graphKernels();
  }

  /** {@return KV tokens in use, of all sequences together, in whole KvBlocks} */
  public int kvTokensInUse() {
    KvBlockPool pool = runner.pool();
    return (pool.blocks() - pool.freeBlocks()) * pool.blockSize();
  }

  @Override
  public void close() {
    runner.close();
  }
}
