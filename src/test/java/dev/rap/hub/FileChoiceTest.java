package dev.rap.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.rap.InputException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Names as repositories of the hub have them. */
class FileChoiceTest {
  private static final List<String> GGUF =
      List.of(
          "README.md",
          "mmproj-F16.gguf",
          "Llama-3.2-1B-Q4_K_M.gguf",
          "Llama-3.2-1B-IQ4_XS.gguf",
          "Llama-3.2-1B.Q8_0.gguf",
          "BF16/Llama-BF16-00001-of-00002.gguf",
          "BF16/Llama-BF16-00002-of-00002.gguf",
          "Q6_K/Llama-00001-of-00003.gguf",
          "Q6_K/Llama-00003-of-00003.gguf");

  private static FileChoice choose(List<String> files, String wanted) {
    return FileChoice.of("o/m", files, Optional.ofNullable(wanted));
  }

  @ParameterizedTest
  @CsvSource({
    "Q4_K_M, Llama-3.2-1B-Q4_K_M.gguf",
    "q4_k_m, Llama-3.2-1B-Q4_K_M.gguf",
    "Q8_0, Llama-3.2-1B.Q8_0.gguf",
    "IQ4_XS, Llama-3.2-1B-IQ4_XS.gguf",
    "Llama-3.2-1B.Q8_0.gguf, Llama-3.2-1B.Q8_0.gguf",
    "README.md, README.md"
  })
  void aQuantisationOrAFileIsFoundByName(String wanted, String file) {
    assertEquals(new FileChoice(List.of(file), file), choose(GGUF, wanted));
  }

  @ParameterizedTest
  @ValueSource(strings = {"BF16", "BF16/Llama-BF16-00002-of-00002.gguf"})
  void allPartsOfASplitModelAreMeant(String wanted) {
    assertEquals(
        new FileChoice(GGUF.subList(5, 7), "BF16/Llama-BF16-00001-of-00002.gguf"),
        choose(GGUF, wanted));
  }

  private static void assertRefused(List<String> files, String wanted, String message) {
    assertEquals(
        message, assertThrows(InputException.class, () -> choose(files, wanted)).getMessage());
  }

  @Test
  void whatIsNotThereIsAnsweredWithWhatIs() {
    assertRefused(
        GGUF,
        "XS",
        "o/m has no file and no quantisation 'XS', there is: BF16, IQ4_XS, Q4_K_M, Q8_0, Q6_K");
    assertRefused(
        GGUF,
        "Q6_K",
        "o/m has not all of the model's 3 parts, it lacks Q6_K/Llama-00002-of-00003.gguf");
    assertRefused(
        GGUF.subList(0, 5),
        null,
        "o/m has several models, say which after a colon: IQ4_XS, Q4_K_M, Q8_0");
    assertRefused(
        List.of("a-Q4_0.gguf", "b-Q4_0.gguf"),
        "Q4_0",
        "o/m has several models, name one of the files: a-Q4_0.gguf, b-Q4_0.gguf");
    assertRefused(
        List.of("pytorch_model.bin"),
        null,
        "o/m has no GGUF file and no safetensors model: use another repository");
  }

  @Test
  void theOnlyModelNeedsNoName() {
    assertEquals("a.gguf", choose(List.of("a.gguf", "x.txt"), null).entry());
  }

  @Test
  void aWholeSafetensorsFileIsPreferredToItsShards() {
    List<String> files =
        List.of(
            "config.json",
            "model.safetensors",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "adapter.safetensors",
            "onnx/model.onnx");
    assertEquals(
        new FileChoice(List.of("config.json", "model.safetensors"), ""), choose(files, null));
    assertEquals(
        List.of(
            "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
        choose(files, "model-00001-of-00002.safetensors").files());
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "none",
      value = {
        "o/m, main, none, o--m",
        "o/m:Q4_0, main, Q4_0, o--m",
        "o/m@v1.0, v1.0, none, o--m@v1.0",
        "o/m@refs/pr/1:a/b.gguf, refs/pr/1, a/b.gguf, o--m@refs--pr--1"
      })
  void aModelIsNamedInOneWord(String word, String revision, String choice, String folder) {
    HubModel model = HubModel.find(word).orElseThrow();
    assertEquals(word, model.toString());
    assertEquals(revision, model.revision());
    assertEquals(Optional.ofNullable(choice), model.choice());
    assertEquals(folder, model.folderName());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "o",
        "o/m/n",
        "../m",
        "o/..",
        "/o/m",
        "o/m@",
        "o/m:",
        "o/m@../x",
        "o/m:a\nb",
        "ö/m"
      })
  void otherWordsNameNone(String word) {
    assertEquals(Optional.empty(), HubModel.find(word));
  }

  @Test
  void aRevisionIsCheckedToo() {
    HubModel model = HubModel.find("o/m:Q4_0").orElseThrow();
    assertEquals("o/m@v2:Q4_0", model.at("v2").toString());
    assertThrows(InputException.class, () -> model.at("a b"));
  }
}
