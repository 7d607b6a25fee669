/** A module that needs no permission to be imported. */
export const greeting = "imported";
