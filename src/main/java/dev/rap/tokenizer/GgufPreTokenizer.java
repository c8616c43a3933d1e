package dev.rap.tokenizer;

import dev.rap.regex.Regex;
import dev.rap.tokenizer.Split.Behavior;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * What GGUF's {@code tokenizer.ggml.pre} names: expressions that cut text one after the other, each
 * match and each rest being a piece.
 *
 * <p>The expressions are those of the models' own tokenizer files.
 *
 * @param expressions applied in order
 * @param ignoreMerges whether a piece that is a token is that token
 * @param addsBos whether BOS comes before a text unless the file says otherwise
 * @param nfc whether text is normalised to NFC
 * @see <a href="https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp">llama.cpp,
 *     which gave the names</a>
 */
record GgufPreTokenizer(
    List<String> expressions, boolean ignoreMerges, boolean addsBos, boolean nfc) {
  private static final String GPT2 = ByteLevel.GPT2;
  private static final String CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String WORD = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
  private static final String SYMBOLS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
  private static final String HALVED_SPACES =
      "\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)"
          + "|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}";
  private static final String LLAMA3 = later("\\p{N}{1,3}");
  private static final String QWEN2 = later("\\p{N}");
  private static final String DIGIT = "\\p{N}";
  private static final String CJK = "[一-龥\u0800-一가-\uD7FF]+";
  private static final String KANA = "[一-龥\u3040-ゟ゠-ヿ]+";
  private static final String BLOOM = " ?[^(\\s|.,!?…。，、।۔،)]+";

  private static final String DEEPSEEK3 =
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
          + "| ?[\\p{P}\\p{S}]+";
  private static final String DEEPSEEK_LETTERS =
      "\\s?[A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-"
          + "\u0293\u0295-\u02AF\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-"
          + "\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556"
          + "\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B"
          + "\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D"
          + "\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE"
          + "\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4"
          + "\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128"
          + "\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184"
          + "\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B"
          + "\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17"
          + "\uFF21-\uFF3A\uFF41-\uFF5A\uD801\uDC00-\uD801\uDC4F\uD801\uDCB0-\uD801\uDCD3"
          + "\uD801\uDCD8-\uD801\uDCFB\uD803\uDC80-\uD803\uDCB2\uD803\uDCC0-\uD803\uDCF2"
          + "\uD806\uDCA0-\uD806\uDCDF\uD83A\uDD00-\uD83A\uDD43]+";

  private static final Map<String, GgufPreTokenizer> BY_NAME = new HashMap<>();

  static {
    plain("gpt-2 gpt2 phi-2 gigachat a.x-4.0 mellum mpt olmo jais trillion exaone4", GPT2);
    plain("granite-docling modern-bert jina-es jina-de jina-v2-es jina-v2-de", GPT2);
    plain("smollm starcoder refact command-r codeshell exaone minerva-7b mellum2", DIGIT, GPT2);
    plain("default", "[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]");
    plain("falcon", "[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]");
    plain("dbrx smaug-bpe chatglm-bpe", LLAMA3);
    plain("jais-2", later("\\p{N}{1,3}", HALVED_SPACES));
    put("glm4 glm5", true, false, false, LLAMA3);
    put(
        "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
        true,
        true,
        false,
        LLAMA3);
    plain("deepseek-r1-qwen kormo stablelm2 hunyuan solar-open grok-2 megrez", QWEN2);
    put("qwen2", false, false, true, QWEN2);
    put(
        "qwen35",
        false,
        false,
        true,
        CONTRACTION
            + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|"
            + SPACES);
    plain("ufakzeka", WORD + "|\\p{N}|" + SYMBOLS + "|" + SPACES);
    plain("laguna", "[^\\n]+|[\\n]+", QWEN2);
    put("minicpm5", true, false, false, "\\p{N}{1,3}", later("\\p{N}+"));
    plain(
        "gpt-4o llama4 kanana2 talkie minimax-m2",
        cased("", CONTRACTION + "?", "{1,3}", "[\\r\\n/]*"));
    plain(
        "tiny_aya cohere2moe",
        "\\d{1,3}(?=(?:\\d{3})*\\b)",
        cased("", CONTRACTION + "?", "{1,3}", "[\\r\\n/]*"));
    put("tekken", true, true, false, cased("", "", "", "[\\r\\n/]*"));
    plain(
        "kimi-k2",
        "[\\p{Han}]+|" + cased("&&[^\\p{Han}]", CONTRACTION + "?", "{1,3}", "[\\r\\n]*"));
    put(
        "youtu",
        true,
        false,
        false,
        "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|" + KANA,
        cased("", CONTRACTION + "?", "", "[\\r\\n/]*"));
    plain(
        "deepseek-v3 hunyuan-dense joyai-llm hy_v4",
        "\\p{N}{1,3}",
        KANA,
        DEEPSEEK3 + "[\\r\\n]*|" + SPACES);
    plain("spark2_5", "\\p{N}{1,3}", KANA, DEEPSEEK3 + "|[\\r\\n]|\\s+(?!\\S)|\\s+", DIGIT);
    plain("deepseek-coder", "[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", CJK, DIGIT);
    plain(
        "deepseek-llm",
        "[\\r\\n]",
        DEEPSEEK_LETTERS,
        "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+",
        "\\s+$",
        CJK,
        "\\p{N}+");
    plain("poro-chat bloom gpt3-finnish", BLOOM);
    plain("viking", BLOOM, DIGIT);
    plain("superbpe", "\\p{N}+", "(?=(\\d{3})+(?!\\d))");
    plain(
        "bailingmoe bailingmoe2 llada-moe",
        "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+");
    plain("seed-coder", CONTRACTION + "|" + WORD + "|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|" + SPACES);
    plain(
        "exaone-moe",
        CONTRACTION
            + "|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+");
  }

  private static String later(String numbers) {
    return later(numbers, SPACES);
  }

  private static String later(String numbers, String spaces) {
    return CONTRACTION + "|" + WORD + "|" + numbers + "|" + SYMBOLS + "|" + spaces;
  }

  // Words of which the first letters may be capitals, as o200k has them.
  private static String cased(String without, String ending, String numbers, String lineBreaks) {
    String upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}%s]".formatted(without);
    String lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}%s]".formatted(without);
    String before = "[^\\r\\n\\p{L}\\p{N}]?";
    return before
        + upper
        + "*"
        + lower
        + "+"
        + ending
        + "|"
        + before
        + upper
        + "+"
        + lower
        + "*"
        + ending
        + "|\\p{N}"
        + numbers
        + "| ?[^\\s\\p{L}\\p{N}]+"
        + lineBreaks
        + "|"
        + SPACES;
  }

  private static void plain(String names, String... expressions) {
    put(names, false, false, false, expressions);
  }

  private static void put(
      String names, boolean ignoreMerges, boolean addsBos, boolean nfc, String... expressions) {
    for (String name : names.split(" ", -1)) {
      BY_NAME.put(name, new GgufPreTokenizer(List.of(expressions), ignoreMerges, addsBos, nfc));
    }
  }

  /** {@return what a name stands for, if it is known} */
  static Optional<GgufPreTokenizer> named(String name) {
    return Optional.ofNullable(BY_NAME.get(name));
  }

  /** {@return all names, for messages} */
  static String names() {
    return String.join(", ", new TreeSet<>(BY_NAME.keySet()));
  }

  /** {@return what cuts for an encoder that reads bytes} */
  PreTokenizer preTokenizer() {
    List<PreTokenizer> cuts = new ArrayList<>();
    for (String expression : expressions) {
      // Digits, which Hugging Face has beside expressions, follow a later Unicode.
      Regex regex =
          expression.equals(DIGIT) ? Regex.oneOf(UnicodeVersions::isNumber) : Regex.of(expression);
      cuts.add(new Split(regex, Behavior.ISOLATED));
    }
    return PreTokenizer.chain(cuts);
  }
}
