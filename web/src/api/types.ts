/** Short names for the shapes of the OpenAPI document (`schema.d.ts` is generated from it). */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type LiveSession = Schemas["LiveSession"];
export type LiveSessionStatus = Schemas["LiveSessionStatus"];
export type User = Omit<Schemas["User"], "role"> & { role: Role };
export type Role = "student" | "instructor" | "admin";
export type Course = Schemas["Course"];
export type CourseDetail = Schemas["CourseDetail"];
export type Enrollment = Schemas["EnrollmentView"];
export type AttendanceRow = Schemas["AttendeeView"];
