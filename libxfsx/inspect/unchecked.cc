#include "inspect/unchecked.h"

#include <fmt/format.h>

#include <algorithm>

namespace xfsx::inline v0::inspect {

namespace {

constexpr Unchecked any = Unchecked::any_value;
constexpr Unchecked whole = Unchecked::whole_image;
constexpr Unchecked other = Unchecked::by_another;

constexpr UncheckedField table[] = {
    {"log", "record.*", whole,
     "A record that does not look like one ends the log: what the head is then, and "
     "whether it is clean, only the records around it tell."},
    {"*", "*lsn", whole, "Where the log's head is says which LSN is too new."},
    {"sb", "dblocks,ifree,fdblocks,icount,rootino,features_incompat,inprogress,versionnum", whole,
     "Counters stand against the trees; of a copy nothing but the magic, the identity "
     "and the size is used."},
    {"sb",
     "agblklog,agblocks,blocklog,blocksize,dirblklog,features_ro_compat,imax_pct,"
     "inoalignmt,inodelog,inodesize,inopblock,inopblog,logblocks,logsectlog,logstart,"
     "logsunit,sectlog,sectsize,spino_align",
     whole,
     "A copy may be older than the last growth; xfs_repair compares them. The primary "
     "one is checked as far as its numbers must agree."},
    {"sb",
     "agcount,bad_features2,features2,features_log_incompat,frextents,gquotino,"
     "logsectsize,meta_uuid,pquotino,qflags,rblocks,rbmblocks,rbmino,rextents,"
     "rextsize,rextslog,rsumino,unit,uquotino,uuid,width",
     whole, "Only the rest of the image, or the other copies, tell."},
    {"sb", "metadirino,rgblklog,rgcount,rgextents,rtreserved,rtstart", whole,
     "A copy may be older; the primary one is checked as far as its numbers must agree."},
    {"sb", "features_compat,flags,fname,pad,shared_vn", any,
     "Names, hints and bits that reading ignores."},
    {"agf", "bnoroot,cntroot,bnolevel,cntlevel", other,
     "A block that is no root of this tree is found when the tree is read."},
    {"agf", "freeblks,btreeblks,flcount,flfirst,fllast,longest,refcntblocks", whole,
     "The trees and the free list must be counted. Linux resets a free list that does "
     "not fit by itself."},
    {"agf", "refcntroot,refcntlevel,rmaplevel,rmaproot,rmapblocks", whole,
     "Without the feature the field is not used; with it the tree is read by it and "
     "counted."},
    {"agfl", "bno[]", whole,
     "Whether a slot is in use, the AGF says; whether its block is free, the trees."},
    {"agi", "count,freecount,free_root,free_level,unlinked[]", whole,
     "The inode trees must be counted; an inode number that could be one is followed."},
    {"agi", "root", other, "A block that is no root of this tree is found when the tree is read."},
    {"agi", "newino,dirino", any, "A hint; the second is not used any more."},
    {"agi", "fino_blocks,ino_blocks", whole, "The blocks of the trees must be counted."},
    {"bnobt block,cntbt block,inobt block,finobt block,rmapbt block,refcountbt block,"
     "bmbt block,rtrmapbt block,rtrefcountbt block",
     "level,ptrs[]", other, "What is read then does not fit its place."},
    {"bmbt block", "numrecs", other, "The inode counts its mappings."},
    {"bnobt block,cntbt block,inobt block,finobt block,rmapbt block,refcountbt block,"
     "rtrmapbt block,rtrefcountbt block",
     "numrecs", whole,
     "Records that are missing at the end of a block are missing in other structures "
     "only."},
    {"bnobt block,cntbt block,refcountbt block,bmbt block,rtrefcountbt block", "recs[].blockcount",
     whole, "Mostly the order is broken then; the other trees tell the rest."},
    {"rmapbt block,rtrmapbt block", "recs[].blockcount", whole,
     "Records may overlap; what the blocks hold tells."},
    {"bnobt block", "keys[].blockcount", whole,
     "The order is that of startblock; Linux compares this half of a key neither."},
    {"cntbt block", "keys[].startblock,keys[].blockcount", other,
     "What the child says first does not equal the key."},
    {"bnobt block,cntbt block,rmapbt block,refcountbt block,rtrmapbt block,rtrefcountbt block",
     "recs[].startblock", whole, "Within the order only the other trees tell."},
    {"bmbt block", "recs[].startblock,recs[].startoff", whole,
     "Within the order only what lies in the blocks tells."},
    {"bmbt block", "recs[].extentflag", any, "A mapping may be written or not."},
    {"inobt block,finobt block", "recs[].startino", whole,
     "Within the order only the inodes tell."},
    {"inobt block,finobt block", "recs[].free,recs[].holemask", other,
     "The counts of the record do not agree."},
    {"refcountbt block,rtrefcountbt block", "recs[].refcount", whole,
     "The mappings must be counted."},
    {"refcountbt block,rtrefcountbt block", "recs[].cowflag,keys[].cowflag", other,
     "The other half of the record or the order does not agree."},
    {"rtrmapbt block", "recs[].attrfork,recs[].bmbtblock", other,
     "Both are 0: the number that they are a part of is named."},
    {"rmapbt block,rtrmapbt block",
     "recs[].attrfork,recs[].bmbtblock,recs[].extentflag,recs[].offset,recs[].owner", whole,
     "What the owner maps tells."},
    {"rmapbt block,rtrmapbt block", "keys[].*", other,
     "The number that they are a part of is named, or what the child says first."},
    {"inode", "core.atime*,core.mtime*,core.ctime*,v3.crtime*", any, "Every number is a time."},
    {"inode", "core.uid,core.gid", whole, "Every number is an owner; of metadata files it is 0."},
    {"inode", "core.projid_*", whole,
     "Every number is a project; of a file of a realtime group it is that of the group."},
    {"inode",
     "core.gen,v3.change_count,core.dmevmask,"
     "core.dmstate,core.onlink",
     any, "Numbers that mean themselves, or nothing any more."},
    {"inode",
     "core.append,core.prealloc,core.projinherit,core.filestream,core.newrtbm,core.rtinherit,"
     "v3.dax",
     any, "Flags that every file may have."},
    {"inode", "core.immutable,core.noatime,core.nodump,core.nodefrag,core.nosymlinks,core.sync",
     whole, "Flags that every file may have; those of metadata have them."},
    {"inode", "core.nlinkv2", whole, "The directories must be counted."},
    {"inode", "core.realtime", whole,
     "Whether the blocks are of the realtime device, their owner there tells."},
    {"inode", "core.flags,v3.flags2,v3.reflink,v3.bigtime,v3.nrext64,v3.metadata", whole,
     "Flags that every file may have are among them; who shares blocks, the refcount "
     "tree tells; bigtime and nrext64 say how others are to be read."},
    {"inode", "core.extsz,core.extszinherit", other, "The hint itself is named."},
    {"inode", "v3.cowextsize,v3.cowextsz", whole, "A hint for writing, which reading ignores."},
    {"inode", "core.format", other, "Counters and format of the other fork are compared first."},
    {"inode",
     "core.aformat,core.naextents,core.forkoff,core.mode,core.nblocks,core.nextents,"
     "core.size,next_unlinked",
     whole,
     "What lies in the forks agrees with some wrong values; the directory, the trees "
     "and the lists of the AGI tell."},
    {"inode", "a.bmx[].startblock", other, "Another structure lies there."},
    {"inode",
     "u3.bmx[].startblock,u3.bmx[].startoff,u3.bmx[].blockcount,a.bmx[].startoff,"
     "a.bmx[].blockcount",
     whole, "What owns the blocks tells."},
    {"inode", "a.bmx[].extentflag", whole,
     "Attributes are always written; reading goes without it."},
    {"inode", "u3.bmx[].extentflag", whole, "A mapping of a file may be written or not."},
    {"inode", "*.bmbt.numrecs,*.bmbt.ptrs[]", other, "What is read then does not fit its place."},
    {"inode", "u3.dev", any, "Every number is a device."},
    {"inode", "u3.symlink,u3.sfdir3.list[].name,a.sfattr.list[].name,a.sfattr.list[].value", whole,
     "What people wrote; of a name that is twice there, or of parents, other "
     "structures tell."},
    {"inode", "u3.sfdir3.hdr.count,u3.sfdir3.hdr.i8count,u3.sfdir3.list[].namelen", other,
     "The entries end elsewhere then than the size says."},
    {"inode", "u3.sfdir3.hdr.parent.i*,u3.sfdir3.list[].inumber.i*", whole,
     "The inode trees tell."},
    {"inode", "u3.sfdir3.list[].filetype,u3.sfdir3.list[].offset", whole,
     "The inode tells its type; offsets count when the directory grows."},
    {"inode",
     "a.sfattr.hdr.count,a.sfattr.hdr.totsize,a.sfattr.list[].namelen,"
     "a.sfattr.list[].valuelen",
     whole, "Bytes of a name may be those of a value."},
    {"inode", "core.metatype", whole, "The name in the tree of metadata files tells."},
    {"inode",
     "u3.rtrefcbt.keys[].cowflag,u3.rtrefcbt.level,u3.rtrefcbt.numrecs,u3.rtrefcbt.ptrs[],"
     "u3.rtrmapbt.keys[].*,u3.rtrmapbt.level,u3.rtrmapbt.ptrs[],u3.rtrmapbt.recs[].attrfork,"
     "u3.rtrmapbt.recs[].bmbtblock,u3.rtrmapbt.recs[].extentflag",
     other, "What is read then, in the inode or below it, is no such tree."},
    {"inode", "u3.rtrmapbt.numrecs,u3.rtrmapbt.recs[].owner", whole,
     "Who has the blocks, the mappings tell."},
    {"inode", "a.sfattr.list[].parent_dir.*", whole, "The directories tell."},
    {"inode", "a.sfattr.list[].root,a.sfattr.list[].secure,a.sfattr.list[].parent", whole,
     "A name may be in every space; parents stand against directories."},
    {"attribute leaf", "entries[].hashval,hdr.firstused,hdr.freemap[].*,hdr.holes", whole,
     "Used by lookups and writing; reading all attributes goes without them."},
    {"attribute leaf", "hdr.info.hdr.forw,hdr.info.hdr.back", whole, "The neighbour tells."},
    {"attribute leaf", "entries[].incomplete,entries[].parent,entries[].root,entries[].secure",
     whole, "A name may be in every space, and half written; parents stand against directories."},
    {"attribute leaf", "entries[].local,entries[].nameidx,hdr.count,nvlist[].valueblk", other,
     "What is read there is no name and no value."},
    {"attribute leaf", "nvlist[].name,nvlist[].namelen,nvlist[].value,nvlist[].valuelen", whole,
     "What people wrote; the hash is that of the name."},
    {"attribute value", "data", any, "What people wrote."},
    {"directory block", "bhdr.bestfree[].offset,dhdr.bestfree[].offset", whole, "Used by writing."},
    {"directory block", "bleaf[].address,bleaf[].hashval", whole,
     "Lookups go by it: it stands against the names."},
    {"directory block",
     "bu[].filetype,bu[].inumber,bu[].name,bu[].namelen,du[].namelen,du[].filetype,"
     "du[].inumber,du[].name",
     whole, "The inode, and the index, tell."},
    {"directory block", "btail.count,bu[].freetag,bu[].length,du[].freetag,du[].length", other,
     "What is read behind it is no entry."},
    {"directory free index", "fbests[],fhdr.hdr.owner", whole,
     "Used by writing; the directory tells."},
    {"directory free index", "fhdr.nvalid", other, "The count of those in use is named."},
    {"directory leaf", "lbests[],ltail.bestcount", whole, "Used by writing; the data blocks tell."},
    {"directory leaf", "lhdr.info.owner", whole, "Lookups compare it with the directory."},
    {"directory leaf",
     "lents[].address,lents[].hashval,lhdr.count,lhdr.info.hdr.forw,lhdr.info.hdr.back", whole,
     "Lookups go by them: they stand against the names and the neighbours."},
    {"index node",
     "nbtree[].before,nbtree[].hashval,nhdr.count,nhdr.info.hdr.forw,"
     "nhdr.info.hdr.back,nhdr.info.owner",
     whole, "Lookups go by them: they stand against the leaves."},
    {"dquot block", "dquots[].diskdq.bcount,dquots[].diskdq.icount,dquots[].diskdq.rtbcount", whole,
     "What the owner has must be counted; more than a soft limit has a timer that runs."},
    {"dquot block", "dquots[].diskdq.*limit,dquots[].diskdq.*timer,dquots[].diskdq.*warns", whole,
     "Numbers that somebody chose; where a soft limit is exceeded, its timer runs."},
    {"dquot block", "dquots[].diskdq.type", whole,
     "With bigtime or without, timers are only shown otherwise."},
    {"rtbitmap block", "rtwords[]", whole, "Which extents are free, the mappings tell."},
    {"rtbitmap block,rtsummary block", "owner", whole, "The inode that maps the block tells."},
    {"rtsummary block", "suminfo[]", whole, "The bitmap must be counted."},
    {"symlink block", "bytes", other, "The inode says how long the target is."},
    {"symlink block", "target", whole, "What people wrote."},
};

bool fits_pattern(std::string_view pattern, std::string_view text) {
  std::size_t const star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  std::string_view const rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= text.size(); ++at) {
    if (fits_pattern(rest, text.substr(at))) return true;
  }
  return false;
}

/// Each alternative as code.
std::string as_code(std::string_view alternatives) {
  std::string out = "`";
  for (char const c : alternatives) {
    if (c == ',') {
      out += "`, `";
    } else {
      out += c;
    }
  }
  return out + "`";
}

}  // namespace

std::string_view to_string(Unchecked why) {
  switch (why) {
    case Unchecked::any_value:
      return "any value";
    case Unchecked::whole_image:
      return "whole image";
    case Unchecked::by_another:
      return "by another field";
  }
  return {};
}

std::span<UncheckedField const> unchecked_fields() {
  return table;
}

bool fits_one_of(std::string_view alternatives, std::string_view text) {
  while (!alternatives.empty()) {
    std::size_t const end = std::min(alternatives.find(','), alternatives.size());
    if (fits_pattern(alternatives.substr(0, end), text)) return true;
    alternatives.remove_prefix(std::min(end + 1, alternatives.size()));
  }
  return false;
}

UncheckedField const* unchecked(std::string_view structure, std::string_view path) {
  for (UncheckedField const& entry : table) {
    if (fits_one_of(entry.structure, structure) && fits_one_of(entry.path, path)) return &entry;
  }
  return nullptr;
}

std::string markdown_unchecked() {
  std::string out =
      "<!-- Made by `xfsx document --out docs/format` from the list of unchecked fields. -->\n\n"
      "# Fields that one structure alone does not judge\n\n"
      "A wrong value of any field that is not here is rejected when its structure is verified or\n"
      "read, and the error names the field. A test changes each field of each structure of the\n"
      "shipped version 5 images by the eight verbs of `xfsx fuzz` and holds this list against "
      "what\n"
      "happens.\n\n"
      "* any value: no value is wrong.\n"
      "* whole image: some wrong values pass, and only other structures tell.\n"
      "* by another field: always rejected, at times in the name of a field that then does not\n"
      "  agree.\n\n"
      "| structure | field | | reason |\n|---|---|---|---|\n";
  for (UncheckedField const& entry : table) {
    out += fmt::format("| {} | {} | {} | {} |\n", as_code(entry.structure), as_code(entry.path),
                       to_string(entry.why), entry.reason);
  }
  return out;
}

}  // namespace xfsx::inline v0::inspect
