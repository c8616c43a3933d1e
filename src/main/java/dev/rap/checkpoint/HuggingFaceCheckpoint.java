package dev.rap.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rap.InputException;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A folder as Hugging Face's transformers saves it: {@code config.json}, one or several {@code
 * .safetensors} files, and the tokenizer's files where it has one.
 *
 * <p>JSON files are read when they are asked for, each time anew. Their getters throw {@link
 * InputException} if the file is there and is no JSON object.
 */
public final class HuggingFaceCheckpoint implements Checkpoint {
  private static final String CONFIG = "config.json";
  private static final String TOKENIZER = "tokenizer.json";

  private final Path folder;
  private final Arena arena;
  private final JsonNode config;
  private final TensorTable tensors;

  private HuggingFaceCheckpoint(Path folder, Arena arena) {
    this.folder = folder;
    this.arena = arena;
    this.config = JsonFile.find(folder.resolve(CONFIG)).orElseThrow(() -> noModel(folder));
    this.tensors = new TensorTable(arena, SafetensorsFolder.read(folder, arena));
  }

  /**
   * {@return the model in {@code folder}}
   *
   * @throws InputException if a file is missing, cannot be read, or is damaged
   */
  public static HuggingFaceCheckpoint open(Path folder) {
    return MappedFile.keepingArena(arena -> new HuggingFaceCheckpoint(folder, arena));
  }

  private static InputException noModel(Path folder) {
    return new InputException(
        "%s: has no %s: name a .gguf file, or a folder with config.json, tokenizer.json and model.safetensors"
            .formatted(folder, CONFIG));
  }

  /** {@return config.json} */
  public JsonNode config() {
    return config.deepCopy();
  }

  /**
   * {@return a JSON file beside the weights, such as tokenizer.json, if it is there}
   *
   * @throws InputException if it cannot be read or is no JSON
   */
  public Optional<JsonNode> json(String name) {
    return JsonFile.find(folder.resolve(name));
  }

  @Override
  public Path path() {
    return folder;
  }

  @Override
  public Set<String> names() {
    return tensors.names();
  }

  @Override
  public Optional<Tensor> find(String name) {
    return tensors.find(name);
  }

  @Override
  public Optional<Tensor> findF32(String name) {
    return tensors.findF32(name);
  }

  /** {@inheritDoc} The metadata are config.json and tokenizer.json. */
  @Override
  public String fingerprint() {
    List<MemorySegment> metadata = new ArrayList<>();
    for (String name : List.of(CONFIG, TOKENIZER)) {
      JsonFile.bytes(folder.resolve(name)).map(MemorySegment::ofArray).ifPresent(metadata::add);
    }
    return tensors.fingerprint(metadata);
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
