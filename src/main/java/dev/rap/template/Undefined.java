package dev.rap.template;

/**
 * What a name or an attribute that does not exist evaluates to. It prints as nothing and is false;
 * anything else that is done with it is an error.
 *
 * @param message of that error
 */
record Undefined(String message) {
  Fault fault() {
    return new Fault(message);
  }
}
