package dev.rap.cuda;

import dev.rap.model.MaskShape;

/** Where units come back from. */
interface UnitSource extends AutoCloseable {
  /**
   * Queues what brings one unit of one matrix.
   *
   * @param shape whose unit it is
   * @param matrix of the sublayer: qkv and attention output, or gate, up and down
   * @param to where its first row is to lie
   */
  void bring(MaskShape shape, int sublayer, int matrix, int unit, long to);

  @Override
  void close();
}
