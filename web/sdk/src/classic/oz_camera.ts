// A camera, by its name.

/** A camera of this computer. */
export class OzCamera {
  private constructor(
    /** Its label, or "" for the computer's own choice. */
    readonly name: string,
  ) {}

  /** The camera of this name; the computer's own choice without one. */
  static getCameraByName(name = ""): OzCamera {
    return new OzCamera(String(name));
  }
}
