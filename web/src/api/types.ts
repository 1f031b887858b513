/** Short names for the shapes of the OpenAPI document (`schema.d.ts` is generated from it). */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type LiveSession = Schemas["LiveSession"];
export type LiveSessionStatus = Schemas["LiveSessionStatus"];
export type Standing = Schemas["Standing"];
export type User = Schemas["User"];
export type Role = User["role"];
export type Problem = Schemas["Problem"];
export type Course = Schemas["Course"];
export type AttendanceRow = Schemas["AttendanceRow"];
