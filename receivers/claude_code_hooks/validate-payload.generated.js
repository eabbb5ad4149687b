/* eslint-disable -- generated from payload.schema.ts; to make it again:
   npx vitest run test/receivers/claude_code_hooks/payload-schema.test.ts -u */
"use strict";
export const validate = validate10;
const schema11 = {"type":"object","required":["session_id","hook_event_name"],"properties":{"session_id":{"type":"string","pattern":"^[A-Za-z0-9_.:-]{1,128}$"},"hook_event_name":{"type":"string","pattern":"^[A-Za-z0-9_.:-]{1,128}$"},"transcript_path":{},"cwd":{"type":["string","null"]},"permission_mode":{"type":["string","null"]},"prompt_id":{},"agent_type":{"type":["string","null"],"pattern":"^[^\\p{C}]{0,128}$"},"agent_id":{"type":["string","null"],"pattern":"^[A-Za-z0-9_.:-]{0,128}$"},"agent_transcript_path":{},"tool_name":{"type":"string","pattern":"^[A-Za-z0-9_.:-]{1,128}$"},"tool_use_id":{"type":["string","null"],"pattern":"^[A-Za-z0-9_.:-]{0,128}$"},"tool_input":{},"tool_response":{},"duration_ms":{"type":["number","null"]},"error":{},"is_interrupt":{"type":["boolean","null"]},"permission_suggestions":{},"source":{"type":["string","null"]},"model":{"type":["string","null"]},"reason":{"type":["string","null"]},"trigger":{"type":["string","null"]},"custom_instructions":{},"stop_hook_active":{},"last_assistant_message":{},"prompt":{},"message":{},"title":{},"notification_type":{"type":["string","null"]}},"if":{"type":"object","required":["hook_event_name"],"properties":{"hook_event_name":{"enum":["PreToolUse","PostToolUse","PostToolUseFailure","PermissionRequest","PermissionDenied"]}}},"then":{"type":"object","required":["tool_name"]}};
const pattern0 = new RegExp("^[A-Za-z0-9_.:-]{1,128}$", "u");
const pattern2 = new RegExp("^[^\\p{C}]{0,128}$", "u");
const pattern3 = new RegExp("^[A-Za-z0-9_.:-]{0,128}$", "u");

function validate10(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
let vErrors = null;
let errors = 0;
const _errs1 = errors;
let valid0 = true;
const _errs2 = errors;
if(errors === _errs2){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if((data.hook_event_name === undefined) && (missing0 = "hook_event_name")){
const err0 = {};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
else {
if(data.hook_event_name !== undefined){
let data0 = data.hook_event_name;
if(!(((((data0 === "PreToolUse") || (data0 === "PostToolUse")) || (data0 === "PostToolUseFailure")) || (data0 === "PermissionRequest")) || (data0 === "PermissionDenied"))){
const err1 = {};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
}
}
}
else {
const err2 = {};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
}
var _valid0 = _errs2 === errors;
errors = _errs1;
if(vErrors !== null){
if(_errs1){
vErrors.length = _errs1;
}
else {
vErrors = null;
}
}
if(_valid0){
const _errs5 = errors;
if(errors === _errs5){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing1;
if((data.tool_name === undefined) && (missing1 = "tool_name")){
validate10.errors = [{instancePath,schemaPath:"#/then/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
}
else {
validate10.errors = [{instancePath,schemaPath:"#/then/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var _valid0 = _errs5 === errors;
valid0 = _valid0;
}
if(!valid0){
const err3 = {instancePath,schemaPath:"#/if",keyword:"if",params:{failingKeyword: "then"},message:"must match \"then\" schema"};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
validate10.errors = vErrors;
return false;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing2;
if(((data.session_id === undefined) && (missing2 = "session_id")) || ((data.hook_event_name === undefined) && (missing2 = "hook_event_name"))){
validate10.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing2},message:"must have required property '"+missing2+"'"}];
return false;
}
else {
if(data.session_id !== undefined){
let data1 = data.session_id;
const _errs7 = errors;
if(errors === _errs7){
if(typeof data1 === "string"){
if(!pattern0.test(data1)){
validate10.errors = [{instancePath:instancePath+"/session_id",schemaPath:"#/properties/session_id/pattern",keyword:"pattern",params:{pattern: "^[A-Za-z0-9_.:-]{1,128}$"},message:"must match pattern \""+"^[A-Za-z0-9_.:-]{1,128}$"+"\""}];
return false;
}
}
else {
validate10.errors = [{instancePath:instancePath+"/session_id",schemaPath:"#/properties/session_id/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
}
var valid2 = _errs7 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.hook_event_name !== undefined){
let data2 = data.hook_event_name;
const _errs9 = errors;
if(errors === _errs9){
if(typeof data2 === "string"){
if(!pattern0.test(data2)){
validate10.errors = [{instancePath:instancePath+"/hook_event_name",schemaPath:"#/properties/hook_event_name/pattern",keyword:"pattern",params:{pattern: "^[A-Za-z0-9_.:-]{1,128}$"},message:"must match pattern \""+"^[A-Za-z0-9_.:-]{1,128}$"+"\""}];
return false;
}
}
else {
validate10.errors = [{instancePath:instancePath+"/hook_event_name",schemaPath:"#/properties/hook_event_name/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
}
var valid2 = _errs9 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.cwd !== undefined){
let data3 = data.cwd;
const _errs11 = errors;
if((typeof data3 !== "string") && (data3 !== null)){
validate10.errors = [{instancePath:instancePath+"/cwd",schemaPath:"#/properties/cwd/type",keyword:"type",params:{type: schema11.properties.cwd.type},message:"must be string,null"}];
return false;
}
var valid2 = _errs11 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.permission_mode !== undefined){
let data4 = data.permission_mode;
const _errs13 = errors;
if((typeof data4 !== "string") && (data4 !== null)){
validate10.errors = [{instancePath:instancePath+"/permission_mode",schemaPath:"#/properties/permission_mode/type",keyword:"type",params:{type: schema11.properties.permission_mode.type},message:"must be string,null"}];
return false;
}
var valid2 = _errs13 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.agent_type !== undefined){
let data5 = data.agent_type;
const _errs15 = errors;
if((typeof data5 !== "string") && (data5 !== null)){
validate10.errors = [{instancePath:instancePath+"/agent_type",schemaPath:"#/properties/agent_type/type",keyword:"type",params:{type: schema11.properties.agent_type.type},message:"must be string,null"}];
return false;
}
if(errors === _errs15){
if(typeof data5 === "string"){
if(!pattern2.test(data5)){
validate10.errors = [{instancePath:instancePath+"/agent_type",schemaPath:"#/properties/agent_type/pattern",keyword:"pattern",params:{pattern: "^[^\\p{C}]{0,128}$"},message:"must match pattern \""+"^[^\\p{C}]{0,128}$"+"\""}];
return false;
}
}
}
var valid2 = _errs15 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.agent_id !== undefined){
let data6 = data.agent_id;
const _errs17 = errors;
if((typeof data6 !== "string") && (data6 !== null)){
validate10.errors = [{instancePath:instancePath+"/agent_id",schemaPath:"#/properties/agent_id/type",keyword:"type",params:{type: schema11.properties.agent_id.type},message:"must be string,null"}];
return false;
}
if(errors === _errs17){
if(typeof data6 === "string"){
if(!pattern3.test(data6)){
validate10.errors = [{instancePath:instancePath+"/agent_id",schemaPath:"#/properties/agent_id/pattern",keyword:"pattern",params:{pattern: "^[A-Za-z0-9_.:-]{0,128}$"},message:"must match pattern \""+"^[A-Za-z0-9_.:-]{0,128}$"+"\""}];
return false;
}
}
}
var valid2 = _errs17 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.tool_name !== undefined){
let data7 = data.tool_name;
const _errs19 = errors;
if(errors === _errs19){
if(typeof data7 === "string"){
if(!pattern0.test(data7)){
validate10.errors = [{instancePath:instancePath+"/tool_name",schemaPath:"#/properties/tool_name/pattern",keyword:"pattern",params:{pattern: "^[A-Za-z0-9_.:-]{1,128}$"},message:"must match pattern \""+"^[A-Za-z0-9_.:-]{1,128}$"+"\""}];
return false;
}
}
else {
validate10.errors = [{instancePath:instancePath+"/tool_name",schemaPath:"#/properties/tool_name/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
}
var valid2 = _errs19 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.tool_use_id !== undefined){
let data8 = data.tool_use_id;
const _errs21 = errors;
if((typeof data8 !== "string") && (data8 !== null)){
validate10.errors = [{instancePath:instancePath+"/tool_use_id",schemaPath:"#/properties/tool_use_id/type",keyword:"type",params:{type: schema11.properties.tool_use_id.type},message:"must be string,null"}];
return false;
}
if(errors === _errs21){
if(typeof data8 === "string"){
if(!pattern3.test(data8)){
validate10.errors = [{instancePath:instancePath+"/tool_use_id",schemaPath:"#/properties/tool_use_id/pattern",keyword:"pattern",params:{pattern: "^[A-Za-z0-9_.:-]{0,128}$"},message:"must match pattern \""+"^[A-Za-z0-9_.:-]{0,128}$"+"\""}];
return false;
}
}
}
var valid2 = _errs21 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.duration_ms !== undefined){
let data9 = data.duration_ms;
const _errs23 = errors;
if((!((typeof data9 == "number") && (isFinite(data9)))) && (data9 !== null)){
validate10.errors = [{instancePath:instancePath+"/duration_ms",schemaPath:"#/properties/duration_ms/type",keyword:"type",params:{type: schema11.properties.duration_ms.type},message:"must be number,null"}];
return false;
}
var valid2 = _errs23 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.is_interrupt !== undefined){
let data10 = data.is_interrupt;
const _errs25 = errors;
if((typeof data10 !== "boolean") && (data10 !== null)){
validate10.errors = [{instancePath:instancePath+"/is_interrupt",schemaPath:"#/properties/is_interrupt/type",keyword:"type",params:{type: schema11.properties.is_interrupt.type},message:"must be boolean,null"}];
return false;
}
var valid2 = _errs25 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.source !== undefined){
let data11 = data.source;
const _errs27 = errors;
if((typeof data11 !== "string") && (data11 !== null)){
validate10.errors = [{instancePath:instancePath+"/source",schemaPath:"#/properties/source/type",keyword:"type",params:{type: schema11.properties.source.type},message:"must be string,null"}];
return false;
}
var valid2 = _errs27 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.model !== undefined){
let data12 = data.model;
const _errs29 = errors;
if((typeof data12 !== "string") && (data12 !== null)){
validate10.errors = [{instancePath:instancePath+"/model",schemaPath:"#/properties/model/type",keyword:"type",params:{type: schema11.properties.model.type},message:"must be string,null"}];
return false;
}
var valid2 = _errs29 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.reason !== undefined){
let data13 = data.reason;
const _errs31 = errors;
if((typeof data13 !== "string") && (data13 !== null)){
validate10.errors = [{instancePath:instancePath+"/reason",schemaPath:"#/properties/reason/type",keyword:"type",params:{type: schema11.properties.reason.type},message:"must be string,null"}];
return false;
}
var valid2 = _errs31 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.trigger !== undefined){
let data14 = data.trigger;
const _errs33 = errors;
if((typeof data14 !== "string") && (data14 !== null)){
validate10.errors = [{instancePath:instancePath+"/trigger",schemaPath:"#/properties/trigger/type",keyword:"type",params:{type: schema11.properties.trigger.type},message:"must be string,null"}];
return false;
}
var valid2 = _errs33 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.notification_type !== undefined){
let data15 = data.notification_type;
const _errs35 = errors;
if((typeof data15 !== "string") && (data15 !== null)){
validate10.errors = [{instancePath:instancePath+"/notification_type",schemaPath:"#/properties/notification_type/type",keyword:"type",params:{type: schema11.properties.notification_type.type},message:"must be string,null"}];
return false;
}
var valid2 = _errs35 === errors;
}
else {
var valid2 = true;
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
else {
validate10.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate10.errors = vErrors;
return errors === 0;
}

/** @type {readonly { readonly instancePath: string, readonly keyword: string, readonly params: unknown }[] | null} */
validate10.errors = null;
