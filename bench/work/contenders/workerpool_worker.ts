import workerpool from "npm:workerpool@10.0.3";
import { work } from "../jobs/jobs.ts";

workerpool.worker({ work } as never);
