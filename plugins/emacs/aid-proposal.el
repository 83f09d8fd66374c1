;;; aid-proposal.el --- AID's proposals, shown and accepted  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; A proposal is text: fenced diffs in the chat, a diff in a buffer of its own.  Which proposal, file and hunk point is
;; in is read from the text, so a chat that was saved works when it is visited again.  What stands in brackets says what
;; was accepted, and is a button.

;;; Code:

(require 'button)
(require 'diff-mode)
(require 'ediff)
(require 'aid-client)

(defvar aid--proposals (make-hash-table :test #'equal) "Proposals as last told, by id.")

(defvar-local aid-proposal--id nil "The proposal that this buffer shows; nil in a chat, where the text says it.")

(defvar aid-command-map
  (let ((map (make-sparse-keymap)))
    (pcase-dolist (`(,key . ,command)
                   '(("," . aid-menu) ("c" . aid-chat) ("q" . aid-ask) ("x" . aid-fix-error-at-point)
                     ("w" . aid-edit-region) ("k" . aid-cancel) ("a" . aid-accept-all) ("f" . aid-accept-file)
                     ("h" . aid-accept-hunk) ("r" . aid-reject) ("n" . aid-next-hunk) ("p" . aid-previous-hunk)
                     ("d" . aid-diff) ("e" . aid-ediff) ("u" . aid-undo) ("R" . aid-append-region)
                     ("D" . aid-append-defun) ("E" . aid-append-error) ("V" . aid-append-diff) ("F" . aid-append-file)))
      (define-key map key command))
    map)
  "AID's commands, for a prefix of your own.")

(defconst aid-proposal--labels
  '(("accept all" . aid-accept-all) ("accept file" . aid-accept-file) ("accept hunk" . aid-accept-hunk)
    ("reject" . aid-reject) ("diff" . aid-diff) ("ediff" . aid-ediff) ("undo" . aid-undo))
  "What stands in brackets, and the command that it stands for.")

;;; Text that isn't the person's

(defun aid--replace (start end text)
  "Put TEXT in place of what is from START to END; undo stays the person's.
Return a marker where it ends."
  (let ((inhibit-read-only t) (start (+ start 0)) (end (+ end 0)))
    (save-excursion
      (let ((buffer-undo-list t))
        (goto-char end)
        (insert text)
        (delete-region start end)))
    (unless (eq buffer-undo-list t)
      (aid--shift-undo buffer-undo-list start end (- (length text) (- end start))))
    (copy-marker (+ start (length text)))))

(defun aid--shift-undo (entries start end longer)
  "Make ENTRIES of an undo list fit a text that is LONGER where START to END was.
What was done between them can't be undone any more."
  (let ((shift (lambda (place) (if (>= (abs place) end) (+ place (* longer (cl-signum place))) place)))
        (inside (lambda (place) (< start (abs place) end))))
    (while entries
      (pcase (car entries)
        ((and (pred integerp) place) (setcar entries (funcall shift place)))
        (`(t . ,_) (setcar entries nil))  ; the text is not what is on disk any more
        (`(,(and (pred integerp) first) . ,(and (pred integerp) last))
         (setcar entries (unless (or (funcall inside first) (funcall inside last))
                           (cons (funcall shift first)
                                 (if (or (> last end) (and (= last end) (< start end))) (+ last longer) last)))))
        (`(,(and (pred stringp) text) . ,place)
         (setcar entries (unless (funcall inside place) (cons text (funcall shift place)))))
        (`(nil ,_ ,_ ,first . ,last)
         (setcdr (nthcdr 2 (car entries)) (cons (funcall shift first) (funcall shift last))))
        (`(apply ,(pred integerp) ,first ,last . ,_)
         (setf (nth 2 (car entries)) (funcall shift first) (nth 3 (car entries)) (funcall shift last))))
      (setq entries (cdr entries)))))

;;; Drawing

(defun aid-proposal--diff (file)
  "Return the diff of FILE, a ProposedFile, with a label on each hunk."
  (pcase-let (((map :path :status :old_path :hunks) file))
    (concat (format "diff --git a/%s b/%s\n" (or old_path path) path)
            (format "--- %s\n" (if (equal status "added") "/dev/null" (concat "a/" (or old_path path))))
            (format "+++ %s\n" (if (equal status "deleted") "/dev/null" (concat "b/" path)))
            (mapconcat (lambda (hunk) (concat (plist-get hunk :header) " [accept hunk]\n" (plist-get hunk :text)))
                       hunks ""))))

(defun aid-proposal-text (proposal)
  "Return PROPOSAL in Markdown."
  (pcase-let (((map :id :badge :files) proposal))
    (puthash id proposal aid--proposals)
    (concat (format "**Proposal %s** %s\n\n[accept all] [reject] [diff] [undo]" id badge)
            (mapconcat (lambda (file)
                         (format "\n\n### %s +%d -%d [accept file] [ediff]\n\n```diff\n%s```" (plist-get file :path)
                                 (aid-protocol-proposed-file-added file) (aid-protocol-proposed-file-removed file)
                                 (aid-proposal--diff file)))
                       files ""))))

(defun aid-proposal-draw ()
  "Make buttons of the labels."
  (save-excursion
    (goto-char (point-min))
    (while (re-search-forward (concat "\\[" (regexp-opt (mapcar #'car aid-proposal--labels) t) "\\]") nil t)
      (unless (button-at (match-beginning 1))
        (make-button (match-beginning 0) (match-end 0) 'evaporate t 'follow-link t
                     'command (cdr (assoc (match-string-no-properties 1) aid-proposal--labels))
                     'action (lambda (button)
                               (goto-char (button-start button))
                               (call-interactively (button-get button 'command))))))))

(defun aid-proposal--show-state (proposal)
  "Write into this buffer what was accepted of PROPOSAL, if it is shown here."
  (save-excursion
    (goto-char (point-min))
    (while (re-search-forward "\\[\\(?:accept \\(all\\|file\\|hunk\\)\\|\\(all\\|file\\|hunk\\) [a-z]+\\)\\]" nil t)
      (pcase-let* ((part (or (match-string 1) (match-string 2))) (from (match-beginning 0)) (to (match-end 0))
                   (`(,id ,file ,hunk) (aid-proposal--place)) (file (and file (elt (plist-get proposal :files) file)))
                   (it (pcase part ("all" proposal) ("file" file) ("hunk" (elt (plist-get file :hunks) hunk))))
                   (state (cond ((eq t (plist-get it :accepted)) "accepted")
                                ((eq t (plist-get it :rejected)) "rejected")
                                (t (car (member (plist-get it :state) '("accepted" "rejected"))))))
                   (label (if state (format "[%s %s]" part state) (format "[accept %s]" part))))
        (unless (or (not (equal id (plist-get proposal :id))) (string= label (buffer-substring-no-properties from to)))
          (mapc #'delete-overlay (overlays-in from to))
          (goto-char (aid--replace from to label))))))
  (aid-proposal-draw))

;;; Where point is

(defun aid-proposal--place ()
  "Return an id and the numbers of the file and hunk that point is in, or nil.
The id is that of the proposal above point; if there is none, of the first one."
  (save-excursion
    (end-of-line)
    (let* ((point (point)) (title "^\\*\\*Proposal \\([^* \n]+\\)\\*\\*")
           (id (or aid-proposal--id
                   (and (or (re-search-backward title nil t) (re-search-forward title nil t)) (match-string 1))))
           (start (if aid-proposal--id (point-min) (line-beginning-position)))
           (file-line (if aid-proposal--id "^diff --git " "^### "))
           (file (and id (< start point) (< 0 (how-many file-line start point)) (1- (how-many file-line start point))))
           (hunk (and file (goto-char point) (re-search-backward file-line) (how-many "^@@ " (point) point))))
      (list id file (and hunk (< 0 hunk) (1- hunk))))))

(defun aid-proposal--with (function)
  "Call FUNCTION with the proposal at point, its file and its hunk, or nil.
Where none is shown, that is the newest one that is open."
  (pcase-let* ((`(,id ,file ,hunk) (and (derived-mode-p 'aid-chat-mode 'aid-diff-mode) (aid-proposal--place)))
               (then (lambda (proposal)
                       (puthash (plist-get proposal :id) proposal aid--proposals)
                       (let ((file (and file (elt (plist-get proposal :files) file))))
                         (funcall function proposal file (and hunk (elt (plist-get file :hunks) hunk)))))))
    (cond ((gethash id aid--proposals) (funcall then (gethash id aid--proposals)))
          (id (aid-request (aid-root) :aid/proposal (list :id id) then))
          (t (aid-request (aid-root) :aid/proposals (list :workspace (aid--workspace (aid-root)))
                          (lambda (result)
                            (let ((open (aid-protocol-proposals-result-proposals result)))
                              (if open (funcall then (car open)) (message "AID: there is no open proposal")))))))))

(defun aid-next-hunk (&optional count)
  "Go to the next hunk, or COUNT hunks on."
  (interactive "p")
  (let ((from (point)))
    (if (< (or count 1) 0) (beginning-of-line) (end-of-line))
    (unless (re-search-forward "^@@ " nil t (or count 1))
      (goto-char from)
      (user-error "No more hunks"))
    (beginning-of-line)))

(defun aid-previous-hunk (&optional count)
  "Go to the previous hunk, or COUNT hunks back."
  (interactive "p")
  (aid-next-hunk (- (or count 1))))

;;; Accepting

(defun aid-proposal--do (method words &optional save part)
  "Ask METHOD of PART of the proposal at point: its file, its hunk or nil for all.
WORDS say that it was done.  With SAVE, save the buffers that are changed."
  (let ((root (aid-root)))
    (aid-proposal--with
     (lambda (proposal file hunk)
       (let ((id (plist-get proposal :id)) (path (plist-get file :path)))
         (when (or (and part (not file)) (and (eq part 'hunk) (not hunk))) (user-error "Point is in no %s" part))
         (aid-request root method
                      `( :id ,id :through_editor t
                         ,@(pcase part
                             ('file `(:files [,path]))
                             ('hunk `(:hunks [(:path ,path :index ,(plist-get hunk :index))]))))
                      (lambda (outcome) (aid-proposal--done root id outcome words save))))))))

(defun aid-accept-all (save)
  "Accept the proposal at point.  With a prefix argument SAVE, save it, too."
  (interactive "P")
  (aid-proposal--do :aid/accept "accepted" save))

(defun aid-accept-file (save)
  "Accept the file at point.  With a prefix argument SAVE, save it."
  (interactive "P")
  (aid-proposal--do :aid/accept "accepted" save 'file))

(defun aid-accept-hunk (save)
  "Accept the hunk at point.  With a prefix argument SAVE, save its file."
  (interactive "P")
  (aid-proposal--do :aid/accept "accepted" save 'hunk))

(defun aid-reject (&optional part)
  "Reject what is left of the proposal at point.
With \\[universal-argument] as PART, reject the hunk at point, with two of them its file."
  (interactive "P")
  (aid-proposal--do :aid/reject "rejected" nil (pcase part ('(4) 'hunk) ('(16) 'file))))

(defun aid-undo ()
  "Take back what was accepted last in this project, in buffers and on disk."
  (interactive)
  (let ((root (aid-root)))
    (aid-request root :aid/undo (list :workspace (aid--workspace root) :through_editor t)
                 (lambda (outcome)
                   (aid-proposal--done root (replace-regexp-in-string "[-.].*" "" (or (plist-get outcome :applied) ""))
                                       outcome "taken back" nil)))))

(defun aid-proposal--done (root id outcome words save)
  "Say, in WORDS, and show what became of the proposal ID of the project at ROOT.
OUTCOME is the daemon's word on it.  With SAVE, save the buffers it changed."
  (pcase-let (((map :refused :files :in_editor) outcome))
    (if refused
        (message "AID: not %s: %s" words
                 (mapconcat (lambda (each) (concat (plist-get each :path) ": " (plist-get each :reason))) refused "; "))
      (message "AID: %s %s" words (mapconcat (lambda (each) (plist-get each :path)) files ", "))
      (when save
        (mapc (lambda (path) (with-current-buffer (find-file-noselect (expand-file-name path root)) (save-buffer)))
              in_editor))
      (aid-request root :aid/proposal (list :id id)
                   (lambda (now)
                     (puthash id now aid--proposals)
                     (dolist (buffer (buffer-list))
                       (with-current-buffer buffer
                         (when (derived-mode-p 'aid-chat-mode 'aid-diff-mode) (aid-proposal--show-state now)))))
                   #'ignore))))

;;; Views

(defvar aid-diff-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map (make-composed-keymap aid-command-map diff-mode-map))
    (define-key map "q" #'quit-window)
    (define-key map [remap diff-apply-hunk] #'aid-accept-hunk)
    map)
  "Keys in the diff of a proposal: those of `aid-command-map'.")

(define-derived-mode aid-diff-mode diff-mode "AID-Diff"
  "A proposal as a diff."
  (setq buffer-read-only t)
  (setq-local minor-mode-overriding-map-alist nil))   ; `diff-mode' puts keys of its own above ours

(defun aid-proposal-view (root proposal)
  "Show PROPOSAL for the project at ROOT as a diff."
  (pcase-let (((map :id :badge :files) proposal))
    (puthash id proposal aid--proposals)
    (with-current-buffer (get-buffer-create (format "*aid %s*" id))
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert (mapconcat #'aid-proposal--diff files "")))
      (aid-diff-mode)
      (setq default-directory root aid-root root aid-proposal--id id
            header-line-format (format " %s   a all, f file, h hunk, r reject, n/p next/previous, e ediff, u undo"
                                       (string-replace "%" "%%" (or badge ""))))
      (goto-char (point-min))
      (aid-proposal--show-state proposal)
      (re-search-forward "^@@ .*\n" nil t)
      (pop-to-buffer (current-buffer)))))

(defun aid-diff ()
  "Show the proposal at point in `diff-mode'."
  (interactive)
  (aid-proposal--with (let ((root (aid-root))) (lambda (proposal &rest _) (aid-proposal-view root proposal)))))

(defun aid-ediff ()
  "Compare the file at point with what would become of it."
  (interactive)
  (let ((root (aid-root)))
    (aid-proposal--with
     (lambda (proposal file _)
       (pcase-let* (((map :path :old_path :hunks) (or file (elt (plist-get proposal :files) 0)))
                    (now (find-file-noselect (expand-file-name (or old_path path) root)))
                    (then (get-buffer-create (format "*aid %s*" path))))
         (with-current-buffer then
           (erase-buffer)
           (insert-buffer-substring-no-properties now)
           (aid-proposal--put hunks)
           (let ((buffer-file-name (buffer-file-name now))) (set-auto-mode)))
         (ediff-buffers now then))))))

(defun aid-proposal--put (hunks)
  "Edit this copy of a file by those of HUNKS that aren't accepted yet."
  (let ((moved 0))
    (seq-doseq (hunk hunks)
      (pcase-let* (((map :old_first :old_lines :new_lines :text :accepted :rejected) hunk)
                   (side (lambda (mark) (replace-regexp-in-string (format "^\\([%s\\\\].*\n\\|[^%s\\\\]\\)" mark mark) "" text)))
                   (old (funcall side "+")))
        (unless (or (eq accepted t) (eq rejected t))
          (goto-char (point-min))
          (forward-line (+ moved old_first (if (= 0 old_lines) 0 -1)))
          (unless (string-prefix-p old (concat (buffer-substring (point) (point-max)) "\n"))
            (user-error "The file changed since: accept says whether it still fits"))
          (delete-region (point) (min (point-max) (+ (point) (length old))))
          (insert (funcall side "-")))
        (setq moved (+ moved (- new_lines old_lines)))))))

(provide 'aid-proposal)
;;; aid-proposal.el ends here
