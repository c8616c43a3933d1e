package dev.rap.cuda;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;

/** The graphs of decode steps, one a bucket of sequences, captured when first launched. */
final class DecodeGraphs implements AutoCloseable {
  private final CudaStream stream;
  private final IntConsumer queue;
  private final Map<Integer, CudaGraph> graphs = new TreeMap<>();

  /**
   * @param queue queues a step of so many sequences
   */
  DecodeGraphs(CudaStream stream, IntConsumer queue) {
    this.stream = stream;
    this.queue = queue;
  }

  /** {@return the sequences of the graph that runs {@code sequences}: the next power of two} */
  static int bucket(int sequences) {
    return sequences == 1 ? 1 : Integer.highestOneBit(sequences - 1) << 1;
  }

  void launch(int bucket) {
    CudaGraph graph = graphs.get(bucket);
    if (graph == null) {
      graph = stream.capture(() -> queue.accept(bucket));
      graphs.put(bucket, graph);
    }
    stream.launch(graph);
  }

  /** Forgets the graphs of buckets that are not {@code kept}. */
  void retain(IntPredicate kept) {
    graphs
        .entrySet()
        .removeIf(
            graph -> {
              boolean forgotten = !kept.test(graph.getKey());
              if (forgotten) {
                graph.getValue().close();
              }
              return forgotten;
            });
  }

  /** {@return kernels of a graph that was launched} */
  int kernels(int bucket) {
    return graphs.get(bucket).kernels();
  }

  @Override
  public void close() {
    graphs.values().forEach(CudaGraph::close);
  }
}
