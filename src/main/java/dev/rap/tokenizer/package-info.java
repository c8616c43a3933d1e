/**
 * Text to token ids and back: byte-level BPE, SentencePiece BPE and unigram, from tokenizer.json
 * and GGUF.
 *
 * <p><b>Start reading at</b> {@link dev.rap.tokenizer.Tokenizer}. On its way to ids a text passes
 * {@link dev.rap.tokenizer.AddedTokens} (cuts out special tokens, and has a {@link
 * dev.rap.tokenizer.Normalizer} change the rest), a {@link dev.rap.tokenizer.PreTokenizer} (cuts
 * pieces) and an {@link dev.rap.tokenizer.Encoder}. Back it goes through a {@link
 * dev.rap.tokenizer.Decoder}.
 *
 * <p><b>Not supported</b>, and refused by name: WordPiece and WordLevel, BPE with affixes of words
 * or dropout, BertNormalizer, BertPreTokenizer, UnicodeScripts, FixedLength, BertProcessing and
 * RobertaProcessing, the decoders WordPiece, BPEDecoder and CTC; of GGUF the models bert, rwkv and
 * plamo2, and the pre-tokenizers afmoe, chameleon, gemma4, sarvam-moe, whitespace and some that
 * only models of embeddings have. A file that names no pre-tokenizer has the one named default.
 *
 * <p><b>Equal to</b> Hugging Face tokenizers 0.22.2, seen by {@code scripts/golden-tokens.py}, and
 * 0.23.3, seen by {@code scripts/compare-tokenizers.py}; but plain text makes no special tokens, in
 * unigram models either.
 *
 * <p><b>Threads.</b> A tokenizer is shared freely; a {@link dev.rap.tokenizer.TokenStream} belongs
 * to one thread at a time.
 *
 * <p><b>Errors.</b> A tokenizer that is not as it must be, or is not supported, ends in an {@link
 * dev.rap.InputException} when it is read. Encoding and decoding accept any text and any tokens.
 *
 * <p><b>Depends on</b> {@code dev.rap.regex} and {@code dev.rap.checkpoint}.
 */
package dev.rap.tokenizer;
