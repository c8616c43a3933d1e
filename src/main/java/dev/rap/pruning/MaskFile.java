package dev.rap.pruning;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rap.InputException;
import dev.rap.model.MaskShape;
import dev.rap.model.ModelConfig;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import dev.rap.model.Sublayer.Kind;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/**
 * MASK.json: what a mask keeps.
 *
 * <p>{@code {"channelBlockSize":128,"profile":null,"layers":[{"headGroups":[0,2],
 * "channelBlocks":"all"}, {"headGroups":"none","channelBlocks":[0,1,5]}, ...]}}
 *
 * @param profile digest of the {@link Profile} whose order of channels and whose means the mask
 *     goes with; empty for the model file's own order and no means
 */
public record MaskFile(RetentionMask mask, Optional<String> profile) {
  /**
   * {@return the mask in {@code file}}
   *
   * @param config of the model that it is for
   * @throws InputException if it is none, or one of another model
   */
  public static MaskFile read(Path file, ModelConfig config) {
    return at(file).read(fields -> form(fields, config));
  }

  /**
   * Writes the mask: whole, or not at all.
   *
   * @throws InputException if it cannot be written
   */
  public void write(Path file) {
    at(file).write(toJson());
  }

  private static JsonFile at(Path file) {
    return new JsonFile("mask", file, "make one with './rap prune -o'");
  }

  /**
   * Refuses a mask that goes with another profile.
   *
   * @param known the profile at hand, if there is one
   * @throws InputException if the mask names a profile that is not this one
   */
  public void requireProfile(Optional<Profile> known) {
    if (profile.isPresent() && !profile.equals(known.map(Profile::digest))) {
      throw new InputException(
          "the mask goes with the profile of digest %s, but %s: make the mask anew"
              .formatted(
                  profile.get(),
                  known
                      .map(p -> "the model's has digest " + p.digest())
                      .orElse("the model has none")));
    }
  }

  private static MaskFile form(JsonFields fields, ModelConfig config) {
    int blockSize = fields.integer("channelBlockSize");
    MaskShape shape = config.maskShape(blockSize);
    Optional<String> profile = fields.optionalText("profile");
    List<JsonFields> layers = fields.objects("layers");
    if (layers.size() != config.layers()) {
      throw new IllegalArgumentException(
          "layers must have the %d of the model '%s', had %d"
              .formatted(config.layers(), config.name(), layers.size()));
    }
    RetentionMask mask = RetentionMask.dense(shape);
    for (int l = 0; l < layers.size(); l++) {
      for (Kind kind : Kind.values()) {
        Sublayer sublayer = new Sublayer(l, kind);
        mask = mask.with(sublayer, units(layers.get(l), l, kind, shape.units(kind)));
      }
      layers.get(l).end();
    }
    fields.end();
    return new MaskFile(mask, profile);
  }

  private static String field(Kind kind) {
    return kind == Kind.ATTENTION ? "headGroups" : "channelBlocks";
  }

  private static BitSet units(JsonFields layer, int index, Kind kind, int count) {
    String name = field(kind);
    BitSet units = new BitSet();
    JsonNode node = layer.node(name);
    if (node.isTextual() && node.textValue().equals("all")) {
      units.set(0, count);
    } else if (!(node.isTextual() && node.textValue().equals("none"))) {
      String place = "layers[%d].%s".formatted(index, name);
      if (!node.isArray()) {
        throw new IllegalArgumentException(
            place + " must be \"all\", \"none\" or an array of indices");
      }
      for (int unit : layer.integers(name)) {
        if (unit < 0 || unit >= count) {
          throw new IllegalArgumentException(
              "%s names %d, but the model has 0 to %d".formatted(place, unit, count - 1));
        }
        if (units.get(unit)) {
          throw new IllegalArgumentException("%s names %d twice".formatted(place, unit));
        }
        units.set(unit);
      }
    }
    return units;
  }

  /** {@return the object that the file holds} */
  public JsonNode toJson() {
    MaskShape shape = mask.shape();
    ObjectNode file =
        JsonNodeFactory.instance
            .objectNode()
            .put("channelBlockSize", shape.channelBlockSize())
            .put("profile", profile.orElse(null));
    ArrayNode layers = file.putArray("layers");
    for (int l = 0; l < shape.layers(); l++) {
      ObjectNode layer = layers.addObject();
      for (Kind kind : Kind.values()) {
        BitSet units = mask.units(new Sublayer(l, kind));
        if (units.isEmpty()) {
          layer.put(field(kind), "none");
        } else if (units.cardinality() == shape.units(kind)) {
          layer.put(field(kind), "all");
        } else {
          units.stream().forEach(layer.putArray(field(kind))::add);
        }
      }
    }
    return file;
  }
}
