/** The kinds of waves, by the number that the model gives them: for the page, and for the service, which Node runs as it is. */
export const kinds = /** @type {const} */ (["sine", "triangle", "square", "sawtooth"]);
