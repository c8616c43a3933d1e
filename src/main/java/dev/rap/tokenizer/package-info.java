/**
 * Text to token ids and back: byte-level BPE, as in GPT-2, SmolLM2, Llama 3 and Qwen2.
 *
 * <p><b>Start reading at</b> {@link dev.rap.tokenizer.Tokenizer}. On its way to ids a text passes
 * {@link dev.rap.tokenizer.AddedTokens} (cuts out special tokens), {@link
 * dev.rap.tokenizer.PreTokenizer} (cuts the rest into pieces) and {@link
 * dev.rap.tokenizer.BytePairEncoder} (merges each piece's bytes).
 *
 * <p><b>Equal to</b> Hugging Face tokenizers 0.22.2, seen by {@code scripts/golden-tokens.py}.
 *
 * <p><b>Threads.</b> A tokenizer is shared freely; a {@link dev.rap.tokenizer.TokenStream} belongs
 * to one thread at a time.
 *
 * <p><b>Errors.</b> A tokenizer that is not as it must be, or is not supported, ends in an {@link
 * dev.rap.InputException} when it is read. Encoding and decoding accept any text and any tokens.
 *
 * <p><b>Depends on</b> {@code dev.rap.checkpoint}.
 */
package dev.rap.tokenizer;
